// Requests that are bound to one account by state at its provider: they go there or nowhere.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { AccountConfig } from "../../src/config/config.ts";
import { encryptedContent } from "../../src/demo/provider/openai.ts";
import { type ClientAnswer, open, send, sseData } from "../support/client.ts";
import { openaiFailures } from "../support/openai-script.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const hour = 3_600_000;

function openai(t: TestContext): Promise<Stage> {
  return setStage(t, { type: "openai-responses" });
}

interface Turn {
  previous?: string;
  stream?: boolean;
  session?: string;
  input?: unknown[];
  headers?: string[];
}

function respond(turn: Turn = {}) {
  const { previous, stream = true, session, input = [{ role: "user", content: "hi" }], headers = [] } = turn;
  return {
    path: "/openai/v1/responses",
    headers: [...(session === undefined ? [] : ["session-id", session]), ...headers],
    body: { model: "gpt-5", input, stream, previous_response_id: previous },
  };
}

const onSecond = ["x-cc-relay-account", "second"];

/** The id of a response that the second account holds, though the first is preferred. */
async function responseOfSecond({ relay }: Stage, turn: Turn = {}): Promise<string> {
  const answer = await send(relay.url, respond({ ...turn, headers: [...(turn.headers ?? []), ...onSecond] }));
  assert.equal(answer.header("x-cc-relay-account"), "second", answer.text);
  return responseId(answer);
}

function responseId(answer: ClientAnswer): string {
  const found = /"id":"(resp_[^"]+)"/.exec(answer.text)?.[1];
  assert.ok(found, answer.text);
  return found;
}

function assertInCooldown(answer: ClientAnswer, withinSeconds: number): void {
  assert.equal(answer.status, 429, answer.text);
  assert.equal(answer.header("x-cc-relay-error"), "account_in_cooldown");
  const seconds = Number(answer.header("retry-after"));
  assert.ok(seconds > withinSeconds - 10 && seconds <= withinSeconds + 2, `retry-after: ${seconds}`);
  assert.match(answer.text, /\bsecond\b/);
}

for (const stream of [true, false]) {
  test(`a ${stream ? "streamed" : "whole"} answer's id brings the next turn to its account, also after a restart`, async (t) => {
    const stage = await openai(t);
    const first = await responseOfSecond(stage, { stream });
    const next = await send(stage.relay.url, respond({ previous: first, stream }));
    assert.equal(next.header("x-cc-relay-account"), "second");
    await stage.relay.restart();
    const later = await send(stage.relay.url, respond({ previous: responseId(next), stream }));
    assert.equal(later.header("x-cc-relay-account"), "second");
    const unbound = await send(stage.relay.url, respond());
    assert.equal(unbound.header("x-cc-relay-account"), "first");
  });
}

test("a bound request whose account reaches its limit gets that account's return, and goes nowhere else", async (t) => {
  const stage = await openai(t);
  const previous = await responseOfSecond(stage);
  stage.upstream.queue("key-of-second", openaiFailures.usageLimit(Date.now() + 2 * hour));
  assertInCooldown(await send(stage.relay.url, respond({ previous })), 7200);
  await stage.relay.restart();
  assertInCooldown(await send(stage.relay.url, respond({ previous })), 7200);
  assert.deepEqual(stage.servedBy(), ["second", "second"]);
});

test("a bound request whose account is in cooldown for want of capacity gets its return, not that all are out", async (t) => {
  const stage = await openai(t);
  const previous = await responseOfSecond(stage);
  stage.upstream.queue("key-of-second", openaiFailures.overloaded());
  const passed = await send(stage.relay.url, respond({ previous }));
  assert.deepEqual([passed.status, passed.header("x-cc-relay-error")], [503, undefined]);
  await stage.relay.reconfigure((config) => ({ ...config, session: { ...config.session, maxWaitMs: 0 } }));
  const answer = await send(stage.relay.url, respond({ previous }));
  assertInCooldown(answer, 2);
  assert.deepEqual(stage.servedBy(), ["second", "second"]);
});

test("a bound request whose account was disabled or removed hears in the provider's form that the response is gone", async (t) => {
  const stage = await openai(t);
  const previous = await responseOfSecond(stage);
  const changeAccounts = (change: (accounts: AccountConfig[]) => AccountConfig[]) =>
    stage.relay.reconfigure((config) => ({ ...config, accounts: change(config.accounts) }));
  const assertGone = async () => {
    const answer = await send(stage.relay.url, respond({ previous }));
    assert.equal(answer.status, openaiFailures.previousResponseNotFound("x").status);
    assert.equal(answer.header("x-cc-relay-error"), "binding_gone");
    const { error } = answer.json() as { error: Record<string, unknown> };
    assert.deepEqual(
      [error.code, error.param, error.type],
      ["previous_response_not_found", "previous_response_id", "invalid_request_error"],
    );
    assert.match(String(error.message), /is disabled or no longer configured; start a new conversation/);
  };
  await changeAccounts((all) => all.map((one) => (one.id === "second" ? { ...one, enabled: false } : one)));
  await assertGone();
  await changeAccounts((all) => all.filter(({ id }) => id === "first"));
  await assertGone();
  await stage.relay.restart();
  await assertGone();
  assert.deepEqual(stage.servedBy(), ["second"]);
});

test("an id that nobody knows goes to any account, and its answer passes through", async (t) => {
  const { upstream, relay, servedBy } = await openai(t);
  upstream.queue("key-of-first", openaiFailures.previousResponseNotFound("resp_other"));
  const answer = await send(relay.url, respond({ previous: "resp_other" }));
  assert.equal(answer.status, 400);
  assert.equal(answer.header("x-cc-relay-error"), undefined);
  assert.deepEqual(servedBy(), ["first"]);
});

test("the id of an answer that broke off, or that its client left, is bound too", async (t) => {
  const stage = await openai(t);
  const { upstream, relay } = stage;
  upstream.queue("key-of-second", { events: 20, cut: { afterEvents: 6, how: "rst" } });
  const cut = await send(relay.url, respond({ headers: onSecond }));
  assert.equal(cut.end, "cut");
  const afterTruncation = await send(relay.url, respond({ previous: responseId(cut) }));
  assert.equal(afterTruncation.header("x-cc-relay-account"), "second");

  upstream.queue("key-of-second", { events: 50, betweenEvents: 20 });
  const left = await open(relay.url, respond({ headers: onSecond }));
  const seen = await left.readUntil("output_text.delta");
  left.abort();
  await until("the abort reaches the upstream", () => upstream.requests.at(-1)!.aborted);
  const [created] = sseData(`${seen.split("\n\n")[0]}\n\n`) as [{ response: { id: string } }];
  const afterLeft = await send(relay.url, respond({ previous: created.response.id }));
  assert.equal(afterLeft.header("x-cc-relay-account"), "second");
});

test("encrypted reasoning goes back to the account that serves its session, or nowhere", async (t) => {
  const { upstream, relay, servedBy } = await openai(t);
  const encrypted = [{ type: "reasoning", id: "rs_1", encrypted_content: "A".repeat(5000) }];
  const turn = (input?: unknown[]) => send(relay.url, respond({ session: "s1", input }));
  await relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.map((account) =>
      account.id === "second" ? { ...account, priority: 2000 } : account,
    ),
  }));
  assert.equal((await turn()).header("x-cc-relay-account"), "second");
  upstream.queue("key-of-second", openaiFailures.usageLimit(Date.now() + 2 * hour));
  assertInCooldown(await turn(encrypted), 7200);
  assertInCooldown(await turn(encrypted), 7200);
  assert.equal((await turn()).header("x-cc-relay-account"), "first", "without it the session may move");
  const stranger = await send(relay.url, respond({ session: "s2", input: encrypted }));
  assert.equal(
    stranger.header("x-cc-relay-account"),
    "first",
    "of an unknown session nobody knows whose it is",
  );
  assert.deepEqual(servedBy(), ["second", "second", "first", "first"]);
});

test("encrypted reasoning goes back to the account that could read it, also when its session is forgotten", async (t) => {
  const { relay, upstream } = await openai(t);
  const encrypted = [{ type: "reasoning", id: "rs_1", encrypted_content: "A".repeat(5000) }];
  const turn = (session: string, headers?: string[]) =>
    send(relay.url, respond({ session, input: encrypted, headers }));
  assert.equal((await turn("s1", onSecond)).status, 200);
  await relay.restart();
  const resumed = await turn("s2");
  assert.equal(resumed.header("x-cc-relay-account"), "second", resumed.text);
  upstream.queue("key-of-second", openaiFailures.usageLimit(Date.now() + 2 * hour));
  assertInCooldown(await turn("s3"), 7200);
  await relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.map((one) => ({ ...one, enabled: one.id === "first" })),
  }));
  const orphaned = await turn("s4");
  assert.equal(orphaned.header("x-cc-relay-account"), "first", "the provider says what it thinks of it");
});

for (const encoding of [undefined, "gzip"] as const) {
  test(`encrypted reasoning is known from the answer that brought it${encoding ? `, in ${encoding}` : ""}`, async (t) => {
    const { relay, upstream } = await openai(t);
    upstream.queue("key-of-second", {
      content: [
        { kind: "thinking", text: "hm" },
        { kind: "text", text: "yes" },
      ],
      encoding,
    });
    const accepts = encoding ? ["accept-encoding", encoding] : [];
    const first = respond({ session: "s1", headers: [...onSecond, ...accepts] });
    assert.equal((await send(relay.url, first)).status, 200);
    const input = [{ type: "reasoning", encrypted_content: encryptedContent }];
    const resumed = await send(relay.url, respond({ session: "s2", input }));
    assert.equal(resumed.header("x-cc-relay-account"), "second", resumed.text);
  });
}

test("a file that is used every few weeks keeps its account, however long it lives", async (t) => {
  let now = Date.now();
  const { relay } = await setStage(t, { type: "openai-responses", now: () => now });
  const use = (headers?: string[]) => {
    const content = [{ type: "input_file", file_id: "file-1" }];
    return send(relay.url, respond({ input: [{ role: "user", content }], headers }));
  };
  assert.equal((await use(onSecond)).status, 200);
  for (let weeks = 0; weeks < 9; weeks += 3) {
    now += 21 * 24 * hour;
    assert.equal((await use()).header("x-cc-relay-account"), "second", `after ${weeks + 3} weeks`);
  }
});

test("a turn state goes back to the account that issued it, also after a restart", async (t) => {
  const { upstream, relay } = await openai(t);
  const state = "t".repeat(3000);
  upstream.queue("key-of-second", { headers: { "x-codex-turn-state": state } });
  const issued = await send(relay.url, respond({ headers: onSecond }));
  assert.equal(issued.header("x-codex-turn-state"), state, "the client has to see it");
  for (const restarts of [false, true]) {
    if (restarts) await relay.restart();
    const answer = await send(relay.url, respond({ headers: ["x-codex-turn-state", state] }));
    assert.equal(answer.header("x-cc-relay-account"), "second");
    assert.equal(upstream.requests.at(-1)!.headers["x-codex-turn-state"], state);
  }
});

test("a turn state that no account here issued any more is left out, and the request goes on without it", async (t) => {
  const { upstream, relay, servedBy } = await openai(t);
  upstream.queue("key-of-second", { headers: { "x-codex-turn-state": "state-1" } });
  await send(relay.url, respond({ headers: onSecond }));
  const continued = (state: string, headers: string[] = []) =>
    send(relay.url, respond({ headers: ["x-codex-turn-state", state, ...headers] }));
  assert.equal((await continued("unknown")).status, 200);
  assert.equal((await continued("state-1", ["x-cc-relay-account", "first"])).status, 200);
  await relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.map((one) => ({ ...one, enabled: one.id === "first" })),
  }));
  assert.equal((await continued("state-1")).status, 200);
  assert.deepEqual(servedBy(), ["second", "first", "first", "first"]);
  for (const { headers } of upstream.requests) assert.equal(headers["x-codex-turn-state"], undefined);
  await relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.map((one) => ({ ...one, enabled: true })),
  }));
  assert.equal(
    (await continued("state-1")).header("x-cc-relay-account"),
    "second",
    "it is still known whose it is",
  );
  assert.equal(upstream.requests.at(-1)!.headers["x-codex-turn-state"], "state-1");
});

test("the routes of a stored response lead to its account", async (t) => {
  const stage = await openai(t);
  const { upstream, relay, servedBy } = stage;
  const id = await responseOfSecond(stage);
  const routes: [string, string][] = [
    ["GET", `/openai/v1/responses/${id}`],
    ["GET", `/v1/responses/${id}?stream=true&starting_after=3`],
    ["GET", `/v1/responses/${id}/input_items`],
    ["POST", `/v1/responses/${id}/cancel`],
    ["DELETE", `/v1/responses/${id}`],
  ];
  for (const [method, path] of routes) {
    const answer = await send(relay.url, { method, path });
    assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`);
    assert.equal(answer.header("x-cc-relay-account"), "second", `${method} ${path}`);
    assert.equal(upstream.requests.at(-1)!.url, path.replace("/openai", ""));
  }
  upstream.queue("key-of-second", openaiFailures.usageLimit(Date.now() + hour));
  assertInCooldown(await send(relay.url, { path: `/v1/responses/${id}` }), 3600);
  assert.equal((await send(relay.url, { path: "/v1/responses/resp_unknown" })).status, 200);
  assert.deepEqual(servedBy(), [...Array<string>(7).fill("second"), "first"]);
});

for (const [what, held] of Object.entries({
  "a container": { container: "container_011CPR5" },
  "an uploaded file": {
    messages: [
      { role: "user", content: [{ type: "document", source: { type: "file", file_id: "file_011CN" } }] },
    ],
  },
})) {
  test(`${what} of Claude's brings a request back to the account that accepted it`, async (t) => {
    const { upstream, relay, servedBy } = await setStage(t);
    const request = (headers: string[] = []) => ({
      path: "/v1/messages",
      headers,
      body: { model: "claude-opus-5-5", max_tokens: 9, messages: [{ role: "user", content: "x" }], ...held },
    });
    assert.equal((await send(relay.url, request(onSecond))).status, 200);
    assert.equal((await send(relay.url, request())).header("x-cc-relay-account"), "second");
    await relay.restart();
    upstream.queue("key-of-second", {
      status: 429,
      headers: { "retry-after": "1800" },
      body: { type: "error", error: { type: "rate_limit_error", message: "limit" } },
    });
    const limited = await send(relay.url, request());
    assertInCooldown(limited, 1800);
    assert.match(limited.text, /"type":"rate_limit_error"/);
    assert.deepEqual(servedBy(), ["second", "second", "second"]);
  });
}
