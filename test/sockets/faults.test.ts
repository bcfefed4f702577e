// What becomes of requests over a WebSocket whose account fails: another one answers, or the client is made to send all again.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CreateFault } from "../support/socket-script.ts";
import { until } from "../support/until.ts";
import { continuing, create, rowsOf, startSocketStage, typesOf, usageLimit } from "./stage.ts";

const done = "response.completed";

const faults: Record<string, CreateFault> = {
  "is at its limit": usageLimit(),
  "is full": { kind: "error", status: 503, error: { code: "server_is_overloaded", message: "full" } },
  "refuses the key": { kind: "error", status: 401, error: { code: "invalid_api_key", message: "no" } },
  "is not paid for": { kind: "error", status: 402, error: { code: "billing_not_active", message: "pay" } },
  "lacks the model": {
    kind: "error",
    status: 404,
    error: { code: "model_not_found", message: "The model `gpt-5.6` does not exist" },
  },
  "refuses without a known reason": {
    kind: "error",
    status: 403,
    error: { code: "of_tomorrow", message: "no" },
  },
  "has a fault": { kind: "error", status: 500, error: { type: "server_error", message: "oops" } },
  "fails as its first event": { kind: "failed", code: "server_error", after: 2 },
  "closes with 1011": { kind: "close", code: 1011 },
  "closes after response.created": { kind: "close", code: 1000, after: 1 },
  "cuts TCP": { kind: "close", code: undefined },
  "sends a binary frame": { kind: "binary" },
};

for (const [what, fault] of Object.entries(faults)) {
  test(`a request without a predecessor goes to the next account when one ${what}`, async (t) => {
    const { script, connect, ...stage } = await startSocketStage(t);
    const client = await connect();
    script.fault("key-of-a", fault);
    const frames = await client.ask();
    assert.equal(typesOf(frames).at(-1), done);
    assert.equal(typesOf(frames).filter((type) => type === "response.created").length, 1);
    assert.deepEqual(
      (await rowsOf(stage)).map(({ outcome, path }) => [outcome, path]),
      [["complete", ["a", "b"]]],
    );
    const next = await client.ask(continuing(frames));
    assert.equal(typesOf(next).at(-1), done);
    assert.equal(script.creates.at(-1)?.credential, "key-of-b");
  });

  test(`a continuation is moved by the error that Codex heals when its account ${what}`, async (t) => {
    const { script, connect, ...stage } = await startSocketStage(t);
    const client = await connect({ session: "one" });
    const first = await client.ask();
    script.fault("key-of-a", fault);
    const moved = await client.ask(continuing(first));
    assert.deepEqual(typesOf(moved), ["error"]);
    assert.deepEqual([moved[0]?.status, moved[0]?.error?.code], [400, "previous_response_not_found"]);
    await client.closed;
    const again = await connect({ session: "one" });
    assert.equal((await again.headers)["x-cc-relay-account"], "b");
    assert.equal(typesOf(await again.ask()).at(-1), done);
    assert.deepEqual(
      script.creates.map(({ credential }) => credential),
      ["key-of-a", "key-of-a", "key-of-b"],
    );
    assert.equal((await rowsOf(stage)).length, 3);
  });
}

test("a prewarm's successor moves, too", async (t) => {
  const { script, connect } = await startSocketStage(t);
  const client = await connect();
  const warm = await client.ask(create({ generate: false, input: [] }));
  script.fault("key-of-a", usageLimit());
  const moved = await client.ask(continuing(warm));
  assert.equal(moved[0]?.error?.code, "previous_response_not_found");
});

test("with no other account the provider's own error goes out as it is, and nothing is sent twice", async (t) => {
  const { script, connect } = await startSocketStage(t, { ids: ["a"] });
  const client = await connect();
  const first = await client.ask();
  script.fault("key-of-a", { kind: "error", status: 500, error: { type: "server_error", message: "oops" } });
  const frames = await client.ask(continuing(first));
  assert.deepEqual(frames.at(-1), {
    type: "error",
    status: 500,
    error: { type: "server_error", message: "oops" },
  });
  assert.equal(script.creates.length, 2);
});

test("an account is left once only, until a continuation has succeeded again", async (t) => {
  const { script, connect } = await startSocketStage(t);
  const oops: CreateFault = { kind: "error", status: 500, error: { type: "server_error", message: "oops" } };
  const first = await connect({ session: "one" });
  const begun = await first.ask();
  script.fault("key-of-a", oops);
  assert.equal((await first.ask(continuing(begun)))[0]?.error?.code, "previous_response_not_found");
  const second = await connect({ session: "one" });
  const whole = await second.ask();
  script.fault("key-of-b", oops);
  assert.equal((await second.ask(continuing(whole)))[0]?.error?.code, "previous_response_not_found");
  const third = await connect({ session: "one" });
  assert.equal((await third.headers)["x-cc-relay-account"], "a");
  const again = await third.ask();
  script.fault("key-of-a", oops);
  assert.equal((await third.ask(continuing(again)))[0]?.status, 500);
});

test("an account that a session has left may be left again after a continuation has succeeded", async (t) => {
  const { script, connect } = await startSocketStage(t);
  const oops: CreateFault = { kind: "error", status: 500, error: { type: "server_error", message: "oops" } };
  for (const account of ["a", "b", "a", "b"]) {
    const client = await connect({ session: "one" });
    assert.equal((await client.headers)["x-cc-relay-account"], account);
    const whole = await client.ask(continuing(await client.ask()));
    assert.equal(typesOf(whole).at(-1), done);
    script.fault(`key-of-${account}`, oops);
    assert.equal((await client.ask(continuing(whole)))[0]?.error?.code, "previous_response_not_found");
  }
});

test("an invalid request is passed on, and nobody is blamed", async (t) => {
  const { script, connect, ...stage } = await startSocketStage(t);
  const client = await connect();
  const error = { type: "invalid_request_error", message: "bad", param: "input" };
  script.fault("key-of-a", { kind: "error", status: 400, error });
  const frames = await client.ask();
  assert.deepEqual(frames, [{ type: "error", status: 400, error }]);
  assert.equal(typesOf(await client.ask()).at(-1), done);
  assert.deepEqual(
    (await rowsOf(stage)).map(({ account, outcome, status }) => [account, outcome, status]),
    [
      ["a", "failed", 400],
      ["a", "complete", 200],
    ],
  );
});

test("an answer that breaks off is broken off at the client, and recorded as truncated", async (t) => {
  const { script, connect, ...stage } = await startSocketStage(t);
  const client = await connect();
  script.fault("key-of-a", { kind: "close", code: undefined, after: 5 });
  const frames = await client.ask();
  assert.ok(typesOf(frames).includes("response.output_text.delta"));
  assert.equal(await client.closed, 1011);
  const [row] = await until("the row", async () => {
    const rows = await rowsOf(stage);
    return rows.length > 0 && rows;
  });
  assert.deepEqual([row?.account, row?.outcome], ["a", "truncated"]);
});

test("a client that leaves ends the provider's side at once, and is recorded as aborted", async (t) => {
  const { script, connect, ...stage } = await startSocketStage(t);
  const client = await connect();
  script.fault("key-of-a", { kind: "slow", ms: 40 });
  client.send(create());
  await until("the answer runs", () => client.frames.length > 3);
  client.socket.terminate();
  await until("the provider's side is closed", () => script.open === 0);
  const rows = await until("the row", async () => {
    const found = await rowsOf(stage);
    return found.length > 0 && found;
  });
  assert.deepEqual(
    rows.map(({ account, outcome }) => [account, outcome]),
    [["a", "aborted"]],
  );
});

test("limits of the account are learned and kept from the client", async (t) => {
  const { script, connect, relay } = await startSocketStage(t);
  const resetAt = Math.floor(Date.now() / 1000) + 3600;
  script.limits = {
    plan_type: "plus",
    rate_limits: { primary: { used_percent: 99, window_minutes: 300, reset_at: resetAt }, secondary: null },
  };
  script.headers = { "x-codex-primary-used-percent": "10", "openai-model": "gpt-5.6" };
  const client = await connect();
  const headers = await client.headers;
  assert.deepEqual(
    [headers["x-codex-primary-used-percent"], headers["openai-model"]],
    [undefined, "gpt-5.6"],
  );
  const frames = await client.ask();
  assert.ok(!typesOf(frames).includes("codex.rate_limits"));
  await until("the window is in the store", async () => {
    const state = (await relay.store.accounts.states()).find(({ accountId }) => accountId === "a");
    return state?.windows.some(({ name, utilization }) => name === "5h" && utilization === 0.99);
  });
  // A full window ranks the account behind the other one.
  assert.equal((await (await connect()).headers)["x-cc-relay-account"], "b");
});

test("a limit that the socket reported counts for HTTP as well", async (t) => {
  const { script, connect, upstream, relay } = await startSocketStage(t);
  const client = await connect();
  script.fault("key-of-a", usageLimit());
  await client.ask();
  const answer = await fetch(`${relay.url}/openai/v1/responses`, {
    method: "POST",
    headers: { "content-type": "application/json", "session-id": "http" },
    body: JSON.stringify({ model: "gpt-5.6", input: "Hi" }),
  });
  assert.equal(answer.headers.get("x-cc-relay-account"), "b");
  await answer.text();
  assert.equal(upstream.requests.length, 1);
});

test("when all are out the upgrade is answered 426, within the time that Codex waits", async (t) => {
  const { script, refused } = await startSocketStage(t, { limits: { openingTimeoutMs: 400 } });
  script.upgradeDelayMs = 3000;
  const { status, ms } = await refused();
  assert.equal(status, 426);
  assert.ok(ms < 2500, `${ms} ms`);
  script.upgradeDelayMs = 0;
  const limit = { status: 429, body: { error: { type: "usage_limit_reached", resets_in_seconds: 900 } } };
  script.refuse("key-of-a", limit);
  script.refuse("key-of-b", limit);
  assert.equal((await refused()).status, 426);
});
