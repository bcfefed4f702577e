// Codex's WebSocket through the relay: frames go out as they came, and every request is recorded.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openaiFailures } from "../support/openai-script.ts";
import { until } from "../support/until.ts";
import { continuing, create, rowsOf, startSocketStage, typesOf } from "./stage.ts";

test("frames go to the provider and back byte for byte, over one socket on each side", async (t) => {
  const stage = await startSocketStage(t);
  const { script } = stage;
  const client = await stage.connect();
  const text = `{ "type":"response.create", "model":"gpt-5.6",\n "stream": true,"input":[{"role":"user","content":"é"}]}`;
  client.socket.send(text);
  const first = await client.answer(0);
  assert.equal(typesOf(first).at(-1), "response.completed");
  assert.equal(script.creates[0]?.frame.toString(), text);
  const second = await client.ask(continuing(first));
  assert.equal(typesOf(second).at(-1), "response.completed");
  assert.deepEqual(
    script.creates.map(({ socket, credential }) => [socket, credential]),
    [
      [0, "key-of-a"],
      [0, "key-of-a"],
    ],
  );
  assert.equal((await client.headers)["x-cc-relay-account"], "a");
  assert.equal(stage.upstream.requests.length, 0);
});

test("each request has one row, which is written before its last frame goes out", async (t) => {
  const stage = await startSocketStage(t);
  const client = await stage.connect();
  const first = await client.ask();
  const rows = await rowsOf(stage);
  const usage = stage.script.creates[0]!.usage;
  assert.deepEqual(
    rows.map(({ account, outcome, route, tokens }) => [account, outcome, route, tokens.input, tokens.output]),
    [["a", "complete", "openai/generate", usage.input, usage.output]],
  );
  await client.ask(continuing(first));
  assert.equal((await rowsOf(stage)).length, 2);
});

test("a warm-up that reports no usage has no row", async (t) => {
  const stage = await startSocketStage(t);
  const client = await stage.connect();
  const warm = await client.ask(create({ generate: false, input: [] }));
  assert.equal(typesOf(warm).at(-1), "response.completed");
  await client.ask(continuing(warm));
  assert.equal((await rowsOf(stage)).length, 1);
});

test("a warm-up that reports usage has a row", async (t) => {
  const stage = await startSocketStage(t);
  stage.script.countsWarmUps = true;
  const client = await stage.connect();
  await client.ask(create({ generate: false, input: [] }));
  const { usage } = stage.script.creates[0]!;
  assert.ok(usage.input > 0);
  assert.deepEqual(
    (await rowsOf(stage)).map(({ outcome, tokens }) => [outcome, tokens.input]),
    [["complete", usage.input]],
  );
});

test("the client's headers go to the provider's upgrade, its key does not", async (t) => {
  const keys = [{ name: "one", key: "relay-key-1" }];
  const stage = await startSocketStage(t, { configure: (config) => ({ ...config, apiKeys: keys }) });
  await stage.connect({ headers: { authorization: "Bearer relay-key-1", "x-codex-window-id": "w:0" } });
  const { headers, credential } = stage.script.upgrades[0]!;
  assert.equal(credential, "key-of-a");
  assert.equal(headers["openai-beta"], "responses_websockets=2026-02-06");
  assert.equal(headers["x-codex-window-id"], "w:0");
  assert.equal(headers["accept-encoding"], undefined);
  assert.match(headers["sec-websocket-extensions"] ?? "", /permessage-deflate/);
  assert.doesNotMatch(JSON.stringify(headers), /relay-key-1/);
  const { status } = await stage.refused({ headers: { authorization: "Bearer wrong" } });
  assert.equal(status, 401);
});

test("an upgrade that an account refuses is made on the next one", async (t) => {
  const stage = await startSocketStage(t);
  stage.script.refuse("key-of-a", {
    status: 429,
    body: { error: { type: "usage_limit_reached", resets_in_seconds: 900 } },
  });
  const client = await stage.connect();
  assert.equal((await client.headers)["x-cc-relay-account"], "b");
  const frames = await client.ask();
  assert.equal(typesOf(frames).at(-1), "response.completed");
  assert.deepEqual(
    stage.script.creates.map(({ credential }) => credential),
    ["key-of-b"],
  );
  const [row] = await rowsOf(stage);
  assert.deepEqual([row?.account, row?.outcome], ["b", "complete"]);
  // The limit is remembered: the next client does not ask the account.
  await stage.connect();
  assert.deepEqual(
    stage.script.upgrades.map(({ credential }) => credential),
    ["key-of-a", "key-of-b", "key-of-b"],
  );
});

test("where no account has a WebSocket the client gets 426, and the address is not asked again", async (t) => {
  const stage = await startSocketStage(t);
  stage.script.refuseAll({ status: 405 });
  const { status, body } = await stage.refused();
  assert.equal(status, 426);
  assert.match(body, /upgrade_required/);
  assert.equal(stage.script.upgrades.length, 1);
  assert.equal((await stage.refused()).status, 426);
  assert.equal(stage.script.upgrades.length, 1);
});

test("a request is sent to the next account when one fails before its first real event", async (t) => {
  const stage = await startSocketStage(t);
  const client = await stage.connect();
  stage.script.fault("key-of-a", {
    kind: "error",
    status: 429,
    error: { type: "usage_limit_reached", resets_in_seconds: 900 },
    after: 2,
  });
  const frames = await client.ask();
  assert.equal(typesOf(frames).at(-1), "response.completed");
  assert.equal(typesOf(frames).filter((type) => type === "response.created").length, 1);
  assert.deepEqual(
    stage.script.creates.map(({ credential, frame }) => [credential, frame.toString()]),
    ["key-of-a", "key-of-b"].map((key) => [key, JSON.stringify(create())]),
  );
  const rows = await rowsOf(stage);
  assert.deepEqual(
    rows.map(({ outcome, path }) => [outcome, path]),
    [["complete", ["a", "b"]]],
  );
  await until("the first account's socket is closed", () => stage.script.open === 1);
});

test("a session that an account serves over HTTP goes on there over a socket, and the other way round", async (t) => {
  let now = Date.now();
  const { script, connect, upstream, relay } = await startSocketStage(t, { now: () => now });
  const post = async (session: string) => {
    const headers = { "content-type": "application/json", "session-id": session };
    const body = JSON.stringify({ ...create(), type: undefined });
    const answer = await fetch(`${relay.url}/openai/v1/responses`, { method: "POST", headers, body });
    await answer.text();
    return answer.headers.get("x-cc-relay-account");
  };
  const over = async (session: string) => {
    const client = await connect({ session });
    assert.equal(typesOf(await client.ask()).at(-1), "response.completed");
    return (await client.headers)["x-cc-relay-account"];
  };
  upstream.queue("key-of-a", openaiFailures.rateLimited(20));
  assert.equal(await post("one"), "b");
  now += 30_000;
  assert.equal(await post("another"), "a");
  assert.equal(await over("one"), "b");
  script.refuse("key-of-a", {
    status: 429,
    headers: { "retry-after": "20" },
    body: { error: { code: "rate_limit_exceeded" } },
  });
  assert.equal(await over("two"), "b");
  now += 30_000;
  assert.equal(await over("a third"), "a");
  assert.equal(await post("two"), "b");
});

test("what is no real event is held back, for as long as over HTTP", async (t) => {
  const { script, connect } = await startSocketStage(t, { holdBackMs: 150 });
  script.limits = { rate_limits: { primary: null, secondary: null } };
  script.fault("key-of-a", { kind: "silent", after: 2 });
  const client = await connect();
  client.send(create());
  await until("the provider has begun", () => script.creates[0]?.outcome === "fault");
  assert.deepEqual(client.frames, []);
  await until("the time is over", () => client.frames.length === 2);
  const frames = client.frames.map((text) => JSON.parse(text) as { type: string });
  assert.deepEqual(typesOf(frames), ["response.created", "response.in_progress"]);
});

test("a socket that nobody uses is left in peace: nothing is sent to either side", async (t) => {
  let now = Date.now();
  const { script, connect } = await startSocketStage(t, { now: () => now });
  const client = await connect();
  const [socket] = script.sockets;
  const noise: string[] = [];
  for (const peer of [client.socket, socket!])
    for (const event of ["ping", "pong", "message", "close"]) peer.on(event, () => noise.push(event));
  for (let minute = 0; minute < 54; minute++) {
    now += 60_000;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.deepEqual(noise, []);
  assert.equal(typesOf(await client.ask()).at(-1), "response.completed");
});

test("an incomplete answer is recorded with its tokens", async (t) => {
  const stage = await startSocketStage(t);
  stage.script.answerWith(() => ({ content: "cut short", stopReason: "incomplete" }));
  const client = await stage.connect();
  const frames = await client.ask();
  assert.equal(typesOf(frames).at(-1), "response.incomplete");
  const [row] = await rowsOf(stage);
  const { usage } = stage.script.creates[0]!;
  assert.deepEqual(
    [row?.outcome, row?.tokens.input, row?.tokens.output],
    ["complete", usage.input, usage.output],
  );
});
