// Kills a relay with SIGKILL under load, again and again: every answer whose end a client saw must be in the database, to the
// token. `node test/soak/kill-usage.ts [--short] [--kills N] [--program FILE]`. Logins under kills have a run of their own, kill-login.ts.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { TokenCounts } from "../../src/usage/observer.ts";
import { withCleanups } from "../support/cleanups.ts";
import { begin, type ClientRequest } from "../support/client.ts";
import {
  builtProgram,
  claudeAccounts,
  createServeFolder,
  type RunningServe,
  type ServeFolder,
} from "../support/serve-process.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

const { values: flags } = parseArgs({
  options: { short: { type: "boolean" }, kills: { type: "string" }, program: { type: "string" } },
});
const kills = Number(flags.kills ?? (flags.short ? 30 : 300));
const clients = 24;

/** What a request ends with when the answer is whole. */
interface Kind {
  request(model: string): ClientRequest;
  /** The last event of a stream; undefined where only the end of the body says it. */
  ending: string | undefined;
}

const message = { role: "user", content: "hello" };
const json = ["content-type", "application/json"];

const kinds: readonly Kind[] = [
  {
    request: (model) => ({
      path: "/v1/messages",
      headers: json,
      body: { model, stream: true, messages: [message] },
    }),
    ending: '{"type":"message_stop"}',
  },
  {
    request: (model) => ({ path: "/v1/messages", headers: json, body: { model, messages: [message] } }),
    ending: undefined,
  },
  {
    request: (model) => ({
      path: "/v1/chat/completions",
      headers: json,
      body: { model, stream: true, messages: [message] },
    }),
    ending: "data: [DONE]",
  },
  {
    request: (model) => ({
      path: `/v1beta/models/${model}:streamGenerateContent?alt=sse`,
      headers: json,
      body: { contents: [{ role: "user", parts: [{ text: "hello" }] }] },
    }),
    ending: '"finishReason":"STOP"',
  },
  {
    request: (model) => ({
      path: "/v1/responses",
      headers: json,
      body: { model, stream: true, store: false, input: "hello" },
    }),
    ending: '"type":"response.completed"',
  },
];

interface Seen {
  model: string;
  /** The client had the last event, or the end of the body. */
  whole: boolean;
}

await withCleanups(run);

async function run(t: Pick<TestContext, "after">): Promise<void> {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  upstream.on(
    () => true,
    ({ index }) => ({
      events: 2 + (index % 7),
      betweenEvents: index % 3,
      chunking: index % 11 === 0 ? "utf8" : "event",
    }),
  );
  const folder = await createServeFolder(t, flags.program ?? builtProgram);
  await folder.configure(
    `${claudeAccounts(upstream.url)}${["gemini-api", "openai-responses"]
      .map(
        (type) =>
          `[[accounts]]\nid = "${type}"\ntype = "${type}"\napi_key = "key-of-${type}"\napi_url = "${upstream.url}${type === "gemini-api" ? "" : "/v1"}"\n`,
      )
      .join("")}`,
  );
  let wholes = 0;
  let cuts = 0;
  for (let kill = 1; kill <= kills; kill++) {
    upstream.reset();
    upstream.on(
      () => true,
      ({ index }) => ({ events: 2 + (index % 7), betweenEvents: index % 3 }),
    );
    const seen = await killOnce(folder, kill);
    await compare(folder, upstream, seen);
    wholes += seen.filter(({ whole }) => whole).length;
    cuts += seen.filter(({ whole }) => !whole).length;
    if (kill % 50 === 0) process.stdout.write(`${kill} kills, ${wholes} whole answers\n`);
  }
  assert.ok(wholes > kills && cuts > kills, `too little happened: ${wholes} whole answers, ${cuts} cut ones`);
  process.stdout.write(
    `${kills} kills: each of ${wholes} answers that clients saw the end of has its row; ${cuts} were cut\n`,
  );
}

async function killOnce(folder: ServeFolder, kill: number): Promise<Seen[]> {
  const relay = await folder.start();
  const seen: Seen[] = [];
  let alive = true;
  const load = Array.from({ length: clients }, async (_, client) => {
    for (let turn = 0; alive; turn++) {
      const kind = kinds[(client + turn) % kinds.length]!;
      const model = `model-${kill}-${client}-${turn}`;
      seen.push({ model, whole: await askOnce(relay, kind, model) });
    }
  });
  // Now and then while everything is still being loaded, mostly when answers come in numbers.
  if (kill % 5 > 0) while (!seen.some(({ whole }) => whole)) await sleep(5);
  await sleep(Math.random() * 400);
  relay.kill("SIGKILL");
  await relay.exited;
  alive = false;
  await Promise.all(load);
  return seen;
}

async function askOnce(relay: RunningServe, { request, ending }: Kind, model: string): Promise<boolean> {
  try {
    const answer = await begin(relay.url, request(model)).answer;
    const { status, end, text } = await answer.finish();
    // While the relay dies nothing else may be said than the truth or nothing.
    assert.equal(status, 200, text);
    return end === "clean" || (ending !== undefined && text.includes(ending));
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return false;
  }
}

async function compare(folder: ServeFolder, upstream: ScriptedUpstream, seen: Seen[]): Promise<void> {
  const { rows } = await folder.look((store) =>
    store.usage.summarize({ since: 0, until: Date.now() + 60_000, by: "model" }),
  );
  const recorded = new Map(rows.map((row) => [row.key, row]));
  const served = new Map(upstream.served.map((each) => [each.model, each]));
  for (const { model, whole } of seen) {
    if (!whole) continue;
    const row = recorded.get(model);
    assert.ok(row, `the answer of ${model} was seen to its end and has no row`);
    assert.deepEqual(row.tokens, served.get(model)?.usage satisfies TokenCounts | undefined, model);
  }
}
