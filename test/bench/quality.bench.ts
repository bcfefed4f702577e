// The quality at which the figures are taken: the built program is held to the bytes, the usage and the aborts of its sources, with its
// own workers and its own refresh process. Run before the measuring: the files beside `main.js` are driven nowhere else.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { globSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { packagedPrices } from "../../src/usage/packaged-prices.ts";
import { createPriceList } from "../../src/usage/price.ts";
import { cases } from "../relay/cases.ts";
import { startAuthorizationServer } from "../support/authorization-server.ts";
import { chatPath } from "../support/chat-script.ts";
import { open, send } from "../support/client.ts";
import { builtProgram, createServeFolder } from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";

const key = "sk-ant-api03-built";

async function setStage(t: TestContext, account = `type = "claude-api"\napi_key = "${key}"`, more = "") {
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const folder = await createServeFolder(t, builtProgram);
  await folder.configure(
    `[[accounts]]\nid = "a"\nname = "a"\n${account}\napi_url = "${upstream.url}"\n${more}`,
  );
  const relay = await folder.start();
  return {
    upstream,
    relay,
    rows: () => folder.look((store) => store.requests.last({ limit: 100 })),
    summary: () =>
      folder.look((store) => store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "day" })),
  };
}

const hashOf = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

function bodyOf(text: string, stream: boolean): string {
  const messages = [{ role: "user", content: text }];
  return JSON.stringify({ model: "claude-haiku-5-5", max_tokens: 64, stream, messages });
}

const json = ["content-type", "application/json"];

test("bytes go through unchanged both ways, short and long, whole and streamed; the usage is what was served", async (t) => {
  const { upstream, relay, summary } = await setStage(t);
  for (const length of [10, 70_000, 1_000_000, 8_000_000]) {
    for (const stream of [false, true]) {
      upstream.queue(key, {
        events: 50,
        chunking: stream ? "utf8" : "event",
        content: "Grüße ✓ ".repeat(40),
      });
      const body = bodyOf("é".repeat(length / 2), stream);
      const answer = await send(relay.url, { path: "/v1/messages", headers: json, body });
      assert.deepEqual([answer.status, answer.end], [200, "clean"], answer.text.slice(0, 500));
      assert.equal(hashOf(upstream.requests.at(-1)!.body), hashOf(Buffer.from(body)));
      assert.equal(hashOf(answer.body), hashOf(upstream.requests.at(-1)!.sentBody));
    }
  }
  const { total } = await summary();
  assert.deepEqual([total.requests, total.errors], [8, 0]);
  assert.deepEqual(total.tokens, upstream.total());
});

test("a chat request that is large is converted in the worker, and the usage is what was served", async (t) => {
  const { upstream, relay, summary } = await setStage(t);
  const messages = [{ role: "user", content: "x".repeat(2_000_000) }];
  for (const stream of [false, true]) {
    const body = { model: "claude-haiku-5-5", stream, messages };
    const answer = await send(relay.url, { path: chatPath, body });
    assert.deepEqual([answer.status, answer.end], [200, "clean"], answer.text.slice(0, 500));
    const sent = JSON.parse(upstream.requests.at(-1)!.body.toString());
    assert.equal(JSON.stringify(sent.messages).includes("x".repeat(2_000_000)), true);
  }
  assert.deepEqual((await summary()).total.tokens, upstream.total());
});

test("a client that leaves in the middle ends the provider's stream, and is recorded as one that left", async (t) => {
  const { upstream, relay, rows } = await setStage(t);
  upstream.queue(key, { events: 40, gate: (event) => (event === 4 ? 60_000 : undefined) });
  const answer = await open(relay.url, cases.claude.request({ stream: true }));
  await answer.read();
  answer.abort();
  await until("the provider's request is over", () => upstream.requests[0]!.closedAt !== undefined);
  const [row] = await until("the row", async () => {
    const found = await rows();
    return found.length === 1 && found;
  });
  assert.equal(row!.outcome, "aborted");
});

test("a login is refreshed by the process beside the program", async (t) => {
  const authorization = await startAuthorizationServer();
  t.after(() => authorization.close());
  const login = `type = "claude-oauth"\nrefresh_token = "${authorization.issue("a")}"`;
  const more = `[oauth.claude]\ntoken_url = "${authorization.url}/token"\n`;
  const { relay } = await setStage(t, login, more);
  const answer = await send(relay.url, cases.claudeLogin.request());
  assert.deepEqual([answer.status, answer.end], [200, "clean"], answer.text.slice(0, 500));
  assert.equal(authorization.requests.length, 1);
});

test("the bundle has the prices of the sources, in a file that takes no time to load", async () => {
  const files = globSync(join(dirname(builtProgram), "../dist/price-*.js"));
  assert.equal(files.length, 1);
  assert.ok(statSync(files[0]!).size < 100_000, `${statSync(files[0]!).size} bytes`);
  const built: ReturnType<typeof createPriceList> = (await import(files[0]!)).createPriceList();
  const sources = createPriceList();
  const tokens = { input: 1e5, output: 1e4, cacheWrite5m: 10, cacheWrite1h: 20, cacheRead: 30, reasoning: 0 };
  const prices = packagedPrices().map(({ id }) => {
    const request = {
      family: "claude",
      model: id,
      tokens,
      tier: undefined,
      webSearches: 1,
      time: 1.8e12,
    } as const;
    const price = sources.priceOf(request);
    assert.equal(built.priceOf(request), price, id);
    return price;
  });
  assert.ok(prices.filter((price) => price !== undefined).length > 100, `${prices.length} models`);
});

const sayWhatIsLoaded = `
import { registerHooks } from "node:module";
registerHooks({
  load(url, context, next) {
    process.stdout.write("loaded " + url + "\\n");
    return next(url, context);
  },
});`;

test("the daemon starts from three files, and without Node's HTTP/2", async (t) => {
  const folder = await createServeFolder(t, builtProgram);
  await folder.configure("");
  const hooks = join(folder.path, "hooks.mjs");
  await writeFile(hooks, sayWhatIsLoaded);
  const relay = await folder.start([], ["env", `NODE_OPTIONS=--import=${hooks}`]);
  const loaded = [...relay.stdout().matchAll(/^loaded (\S+)$/gm)].map(([, url]) => url!);
  const files = loaded.filter((url) => url.startsWith("file:")).map((url) => basename(url));
  assert.deepEqual(files, ["cc-relay.js", "serve.cjs", "binding.js"]);
  assert.equal(loaded.includes("node:http2"), false);
});
