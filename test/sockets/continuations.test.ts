// Requests that continue a response, when their account cannot go on: what is recorded of a move, and who is never moved.

import assert from "node:assert/strict";
import { test } from "node:test";
import { encryptedContent } from "../../src/demo/provider/openai.ts";
import { openaiFailures } from "../support/openai-script.ts";
import { until } from "../support/until.ts";
import {
  type Client,
  continuing,
  create,
  type Frame,
  rowsOf,
  type SocketStage,
  startSocketStage,
  typesOf,
  usageLimit,
} from "./stage.ts";

const done = "response.completed";

test("a continuation that moves has one row, which is no error, and the request that follows another", async (t) => {
  const stage = await startSocketStage(t);
  const { script, connect, relay } = stage;
  const client = await connect({ session: "one" });
  const first = await client.ask();
  script.fault("key-of-a", usageLimit());
  await client.ask(continuing(first));
  await (await connect({ session: "one" })).ask();
  assert.deepEqual(
    (await rowsOf(stage)).map(({ account, outcome, status, path }) => [account, outcome, status, path]),
    [
      ["a", "complete", 200, ["a"]],
      ["(none)", "moved", 400, ["a"]],
      ["b", "complete", 200, ["b"]],
    ],
  );
  const { total } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 60_000, by: "day" });
  assert.deepEqual([total.requests, total.errors], [3, 0]);
  const moved = (await rowsOf(stage))[1]!;
  const { attempts } = (await relay.store.requests.find(moved.id))!;
  assert.deepEqual(
    attempts.map(({ account, class: failure, next }) => [account, failure, next]),
    [["a", "rate-limited", "next account"]],
  );
});

const fullWindow = () => ({
  plan_type: "plus",
  rate_limits: {
    primary: { used_percent: 99, window_minutes: 300, reset_at: Math.floor(Date.now() / 1000) + 3600 },
    secondary: null,
  },
});

/** What makes an account the second choice, which others use when nobody has room. */
const withoutRoom: Record<string, (stage: SocketStage, other: Client) => Promise<unknown>> = {
  "has a full window": async ({ script }, other) => {
    script.limits = fullWindow();
    await other.ask();
    script.limits = undefined;
  },
  "has just broken an answer off": async ({ script, relay }, other) => {
    script.fault("key-of-b", { kind: "close", code: undefined, after: 5 });
    await other.ask();
    await until("it is known", async () =>
      (await relay.store.accounts.states()).some((state) => state.truncatedAt !== undefined),
    );
  },
};

for (const [what, spend] of Object.entries(withoutRoom))
  test(`a continuation does not move to an account that ${what}: its own account's error goes out as it is`, async (t) => {
    const stage = await startSocketStage(t);
    const client = await stage.connect({ session: "one" });
    const first = await client.ask();
    await spend(stage, await stage.connect({ session: "two", headers: { "x-cc-relay-account": "b" } }));
    const { error, status } = usageLimit();
    stage.script.fault("key-of-a", usageLimit());
    assert.deepEqual(await client.ask(continuing(first)), [{ type: "error", status, error }]);
    // A conversation that begins now is served there all the same.
    const again = await stage.connect({ session: "three" });
    assert.equal(typesOf(await again.ask()).at(-1), done);
    assert.equal((await again.headers)["x-cc-relay-account"], "b");
  });

test("a continuation whose socket has closed while it waited is sent over no other", async (t) => {
  const { script, connect } = await startSocketStage(t, { ids: ["a"] });
  const client = await connect({ session: "one" });
  const first = await client.ask();
  script.fault("key-of-a", {
    kind: "error",
    status: 429,
    error: { type: "requests", code: "rate_limit_exceeded", message: "slow" },
    headers: { "retry-after-ms": "200" },
  });
  const asked = client.ask(continuing(first));
  await until("the account refuses", () => script.creates[1]?.outcome === "fault");
  script.closeAll(1011);
  const frames = await asked;
  assert.deepEqual([frames.at(-1)?.type, frames.at(-1)?.status], ["error", 502]);
  assert.equal(script.creates.length, 2);
});

for (const code of ["previous_response_not_found", "websocket_connection_limit_reached"]) {
  test(`the provider's own ${code} goes out as it is, and is no error: its client sends all of it again`, async (t) => {
    const stage = await startSocketStage(t);
    const { script, connect, relay } = stage;
    const client = await connect({ session: "one" });
    const first = await client.ask();
    const error = { type: "invalid_request_error", code, message: "gone" };
    script.fault("key-of-a", { kind: "error", status: 400, error });
    assert.deepEqual(await client.ask(continuing(first)), [{ type: "error", status: 400, error }]);
    await (await connect({ session: "one" })).ask();
    assert.deepEqual(
      (await rowsOf(stage)).map(({ account, outcome, status }) => [account, outcome, status]),
      [
        ["a", "complete", 200],
        ["a", "moved", 400],
        ["a", "complete", 200],
      ],
    );
    const { total } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 60_000, by: "day" });
    assert.deepEqual([total.requests, total.errors], [3, 0]);
  });
}

test("over HTTP a response that the provider has lost is an error: nobody sends the rest by itself", async (t) => {
  const stage = await startSocketStage(t);
  stage.upstream.queue("key-of-a", openaiFailures.previousResponseNotFound("resp_gone"));
  const answer = await fetch(`${stage.relay.url}/openai/v1/responses`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...create({ previous_response_id: "resp_gone" }), type: undefined }),
  });
  assert.equal(answer.status, 400);
  assert.deepEqual(
    (await rowsOf(stage)).map(({ account, outcome }) => [account, outcome]),
    [["a", "failed"]],
  );
});

test("an account whose model_map keeps the model's name is dialled, one that has another for it is not", async (t) => {
  const modelMap = [
    { pattern: "gpt-5.6", model: "gpt-5.6" },
    { pattern: "*", model: "other" },
  ];
  const { script, connect, refused } = await startSocketStage(t, {
    ids: ["a"],
    account: () => ({ modelMap }),
  });
  const hint = (model: string) => ({ headers: { "x-codex-routing-hint": `model=${model}` } });
  const client = await connect(hint("gpt-5.6"));
  const text = JSON.stringify(create());
  assert.equal(typesOf(await client.ask()).at(-1), done);
  assert.equal(script.creates[0]?.frame.toString(), text);
  // What the first frame will ask for is not known, and the account might have another name for it.
  for (const options of [hint("gpt-6"), {}]) assert.equal((await refused(options)).status, 426);
  assert.equal(script.upgrades.length, 1);
});

test("an account whose model_map changes no name is dialled, whatever is asked for", async (t) => {
  const { connect } = await startSocketStage(t, {
    ids: ["a"],
    account: () => ({ modelMap: [{ pattern: "gpt-5.6", model: "gpt-5.6" }] }),
  });
  assert.equal(typesOf(await (await connect()).ask()).at(-1), done);
});

test("what can only go on over HTTP is moved there, and is no error", async (t) => {
  const stage = await startSocketStage(t, {
    // Frames are never edited, so that an account with names of its own for models is asked over HTTP alone.
    account: (id) => (id === "b" ? { modelMap: [{ pattern: "gpt-5.6", model: "other" }] } : {}),
  });
  const { script, connect } = stage;
  const client = await connect({ session: "one" });
  script.fault("key-of-a", usageLimit());
  await client.ask();
  assert.equal(await client.closed, 1012);
  assert.deepEqual(
    (await rowsOf(stage)).map(({ account, outcome }) => [account, outcome]),
    [["(none)", "moved"]],
  );
});

test("accounts that all refuse a request before it is moved to HTTP are out for a minute, not for an hour", async (t) => {
  const now = Date.now();
  const { script, connect, relay } = await startSocketStage(t, {
    ids: ["a", "b", "c"],
    now: () => now,
    account: (id) => (id === "c" ? { modelMap: [{ pattern: "gpt-5.6", model: "other" }] } : {}),
  });
  const client = await connect();
  const error = { code: "invalid_api_key", message: "Incorrect API key provided: sk-***" };
  script.faultOf = () => ({ kind: "error", status: 401, error });
  await client.ask();
  assert.equal(await client.closed, 1012);
  const cooldowns = await relay.store.accounts.cooldowns();
  assert.deepEqual(cooldowns.map(({ accountId, kind, until }) => [accountId, kind, until - now]).sort(), [
    ["a", "unauthorized", 60_000],
    ["b", "unauthorized", 60_000],
  ]);
});

test("accounts that refuse a request, one over its WebSocket and the next one over HTTP, are out for a minute", async (t) => {
  const now = Date.now();
  const { script, connect, relay, upstream } = await startSocketStage(t, {
    now: () => now,
    account: (id) => (id === "b" ? { modelMap: [{ pattern: "gpt-5.6", model: "other" }] } : {}),
  });
  const client = await connect({ session: "one" });
  const error = { code: "invalid_api_key", message: "Incorrect API key provided: sk-***" };
  script.faultOf = () => ({ kind: "error", status: 401, error });
  await client.ask();
  assert.equal(await client.closed, 1012);
  upstream.on(() => true, { status: 401, body: { error } });
  const answer = await fetch(`${relay.url}/openai/v1/responses`, {
    method: "POST",
    headers: { "content-type": "application/json", "session-id": "one" },
    body: JSON.stringify(create()),
  });
  assert.equal(answer.status, 503);
  const cooldowns = await relay.store.accounts.cooldowns();
  assert.deepEqual(cooldowns.map(({ accountId, kind, until }) => [accountId, kind, until - now]).sort(), [
    ["a", "unauthorized", 60_000],
    ["b", "unauthorized", 60_000],
  ]);
});

for (const targets of [["other"], ["other", "gpt-5.6"]]) {
  test(`a model that [models] replaces by ${targets} is moved to HTTP, since frames are never edited`, async (t) => {
    const stage = await startSocketStage(t, {
      configure: (config) => ({ ...config, models: [{ pattern: "gpt-5.6", targets }] }),
    });
    const { script, connect, refused } = stage;
    const client = await connect();
    assert.deepEqual(await client.ask(), []);
    assert.equal(await client.closed, 1012);
    assert.equal(script.creates.length, 0);
    assert.deepEqual(
      (await rowsOf(stage)).map(({ account, outcome }) => [account, outcome]),
      [["(none)", "moved"]],
    );
    const upgrades = script.upgrades.length;
    const hint = (model: string) => ({ headers: { "x-codex-routing-hint": `model=${model}` } });
    assert.equal((await refused(hint("gpt-5.6"))).status, 426);
    assert.equal(script.upgrades.length, upgrades);
    const unnamed = await connect(hint("gpt-6"));
    await unnamed.ask(create({ model: "gpt-6" }));
    assert.equal(script.creates[0]?.json.model, "gpt-6");
  });
}

test("of a chain that begins with the model itself only the next one is moved to HTTP", async (t) => {
  const stage = await startSocketStage(t, {
    ids: ["a"],
    configure: (config) => ({ ...config, models: [{ pattern: "gpt-5.6", targets: ["gpt-5.6", "other"] }] }),
  });
  const { script, connect } = stage;
  const client = await connect({ headers: { "x-codex-routing-hint": "model=gpt-5.6" } });
  assert.equal((await client.ask()).at(-1)?.type, "response.completed");
  script.fault("key-of-a", usageLimit());
  assert.deepEqual(await client.ask(), []);
  assert.equal(await client.closed, 1012);
  assert.equal(script.creates.length, 2);
});

async function limitedAfter(stage: SocketStage, conversation: readonly object[]) {
  const client = await stage.connect({ session: "one" });
  let frames: Frame[] = [];
  for (const each of conversation) frames = await client.ask({ ...create(each), ...previousOf(frames) });
  stage.script.fault("key-of-a", usageLimit());
  return await client.ask(continuing(frames));
}

function previousOf(frames: readonly Frame[]): object {
  return frames.length === 0 ? {} : { previous_response_id: frames.at(-1)?.response?.id };
}

const reasoning = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAAA-of-a" };
const prompt = { type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] };

function thinking(stage: SocketStage): void {
  stage.script.answerWith(() => ({
    content: [
      { kind: "thinking", text: "Hm." },
      { kind: "text", text: "Hello" },
    ],
  }));
}

test("reasoning that its account encrypted is not moved: as over HTTP, its client hears of the limit", async (t) => {
  const stage = await startSocketStage(t);
  thinking(stage);
  const frames = await limitedAfter(stage, [{}]);
  const { status, error } = usageLimit();
  assert.deepEqual(frames.at(-1), { type: "error", status, error });
  const again = await stage.connect({ session: "one" });
  const input = [prompt, { ...reasoning, encrypted_content: encryptedContent }];
  const told = await again.ask(create({ input }));
  assert.deepEqual(
    [told.at(-1)?.status, told.at(-1)?.headers?.["x-cc-relay-error"]],
    [429, "account_in_cooldown"],
  );
  const answer = await fetch(`${stage.relay.url}/openai/v1/responses`, {
    method: "POST",
    headers: { "content-type": "application/json", "session-id": "one" },
    body: JSON.stringify({ ...create({ input }), type: undefined }),
  });
  assert.equal(answer.status, 429);
  await answer.text();
  assert.ok(stage.script.creates.every(({ credential }) => credential === "key-of-a"));
});

const carried: Record<string, readonly object[]> = {
  "that the first request carries": [{ input: [prompt, reasoning] }],
  "that the successor of a warm-up carries": [{ generate: false, input: [] }, { input: [prompt, reasoning] }],
  "that an earlier request has carried": [{ input: [prompt, reasoning] }, {}, {}],
};

for (const [what, conversation] of Object.entries(carried)) {
  test(`reasoning ${what} is not moved either`, async (t) => {
    const stage = await startSocketStage(t);
    const frames = await limitedAfter(stage, conversation);
    assert.equal(frames.at(-1)?.status, 429);
    assert.ok(stage.script.upgrades.every(({ credential }) => credential === "key-of-a"));
  });
}

test("a conversation without it moves, also one whose socket has carried some before", async (t) => {
  const stage = await startSocketStage(t);
  const client = await stage.connect({ session: "one" });
  await client.ask(create({ input: [prompt, reasoning] }));
  const fresh = await client.ask();
  assert.equal(typesOf(fresh).at(-1), done);
  stage.script.fault("key-of-a", usageLimit());
  const moved = await client.ask(continuing(fresh));
  assert.equal(moved.at(-1)?.error?.code, "previous_response_not_found");
});

test("reasoning is read again by its own account when that has merely cut a socket", async (t) => {
  const stage = await startSocketStage(t);
  thinking(stage);
  const client = await stage.connect({ session: "one" });
  const first = await client.ask();
  stage.script.fault("key-of-a", { kind: "close", code: undefined });
  assert.equal((await client.ask(continuing(first))).at(-1)?.status, 502);
  const again = await stage.connect({ session: "one" });
  const frames = await again.ask(create({ input: [prompt, reasoning] }));
  assert.equal(typesOf(frames).at(-1), done);
  assert.ok(stage.script.creates.every(({ credential }) => credential === "key-of-a"));
});
