// The life of a client's WebSocket: who may open one, what it may send, and when it ends.

import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sendRaw } from "../support/client.ts";
import { until } from "../support/until.ts";
import { continuing, create, rowsOf, startSocketStage, typesOf, usageLimit } from "./stage.ts";

const done = "response.completed";

test("a web page cannot open one, and neither can a foreign host name", async (t) => {
  const { refused, script } = await startSocketStage(t);
  for (const origin of ["https://example.com", "null", "http://localhost:8080"])
    assert.equal((await refused({ headers: { origin } })).status, 403, origin);
  assert.equal((await refused({ headers: { host: "rebound.example" } })).status, 403);
  assert.equal((await refused({ headers: { "sec-fetch-site": "cross-site" } })).status, 403);
  assert.equal(script.upgrades.length, 0);
});

test("not even a page of server.allowed_origins can open one, with a relay key: any Origin is refused", async (t) => {
  const origin = "app://obsidian.md";
  const { refused, relay, script } = await startSocketStage(t, {
    configure: (config) => ({
      ...config,
      apiKeys: [{ name: "laptop", key: "relay-key-1" }],
      server: { ...config.server, allowedOrigins: [origin] },
    }),
  });
  const key = { authorization: "Bearer relay-key-1" };
  for (const named of [origin, relay.url, ""]) {
    const { status, body } = await refused({ headers: { ...key, origin: named } });
    assert.equal(status, 403, named);
    assert.match(body, /server\.allowed_origins opens model routes alone, over HTTP/);
  }
  assert.equal((await refused({ headers: { ...key, "sec-fetch-site": "cross-site" } })).status, 403);
  assert.equal(script.dialled, 0);
});

test("the key is checked before the path is looked at", async (t) => {
  const { refused, script } = await startSocketStage(t, {
    configure: (config) => ({ ...config, apiKeys: [{ name: "laptop", key: "relay-key-1" }] }),
  });
  for (const path of ["/openai/v1/responses", "/openai/v1/nothing", "/openai/v1/..%2f", "/health"])
    assert.equal((await refused({ path })).status, 401, path);
  assert.equal(script.dialled, 0);
});

test("`[upstream] websocket = false` answers 426 to all, and ends what is open", async (t) => {
  const { connect, refused, relay } = await startSocketStage(t);
  const client = await connect();
  await relay.reconfigure((config) => ({ ...config, upstream: { ...config.upstream, websocket: false } }));
  assert.equal(await client.closed, 1012);
  assert.equal((await refused()).status, 426);
});

test("a peer that is gone without a word is found out by TCP keepalive, on both sides", async (t) => {
  const { connect, relay, upstream } = await startSocketStage(t);
  const kept: (number | undefined)[] = [];
  const { setKeepAlive } = Socket.prototype;
  t.mock.method(Socket.prototype, "setKeepAlive", function (this: Socket, isOn: boolean, delayMs: number) {
    if (isOn && delayMs === 60_000) kept.push(this.localPort, this.remotePort);
    return setKeepAlive.call(this, isOn, delayMs);
  });
  await connect();
  for (const port of [Number(new URL(relay.url).port), upstream.port])
    assert.ok(kept.includes(port), `${port} of ${kept.join()}`);
});

test("other paths have no WebSocket", async (t) => {
  const { refused } = await startSocketStage(t);
  assert.equal((await refused({ path: "/v1/messages" })).status, 426);
  assert.equal((await refused({ path: "/openai/v1/responses/compact" })).status, 426);
});

test("a frame above max_body_mb and a binary one end both sides with 1009", async (t) => {
  const { connect, script } = await startSocketStage(t, {
    configure: (config) => ({ ...config, server: { ...config.server, maxBodyBytes: 100_000 } }),
  });
  const large = await connect();
  large.send(create({ instructions: "x".repeat(200_000) }));
  assert.equal(await large.closed, 1009);
  await until("the provider's side is closed", () => script.open === 0);
  const binary = await connect();
  binary.socket.send(Buffer.from("{}"), { binary: true });
  assert.equal(await binary.closed, 1009);
  await until("the provider's side is closed", () => script.open === 0);
  assert.equal(script.creates.length, 0);
});

test("a binary frame of the provider's between answers ends both sides with 1009", async (t) => {
  const { connect, script } = await startSocketStage(t);
  const client = await connect();
  await client.ask();
  const [socket] = script.sockets;
  socket!.send(Buffer.from("{}"), { binary: true });
  assert.equal(await client.closed, 1009);
  await until("the provider's side is closed", () => script.open === 0);
  assert.deepEqual(script.closes, [1009]);
});

test("requests that come while one is answered are answered after it, up to a bound", async (t) => {
  const { connect, script } = await startSocketStage(t);
  const client = await connect();
  for (let count = 0; count < 3; count++) client.send(create());
  await until("three answers", () => client.frames.filter((text) => text.includes(`"${done}"`)).length === 3);
  script.fault("key-of-a", { kind: "slow", ms: 50 });
  for (let count = 0; count < 40; count++) client.send(create());
  assert.equal(await client.closed, 1009);
});

test("frames that are no requests go on as they are", async (t) => {
  const { connect, script } = await startSocketStage(t);
  const client = await connect();
  await client.ask();
  client.send({ type: "response.cancel", response_id: "resp_1" });
  await until("the frame arrives", () => script.others.length === 1);
});

test("a flood of pings from a client that reads nothing does not keep it from going on", async (t) => {
  const { connect } = await startSocketStage(t);
  const client = await connect();
  client.socket.pause();
  for (let count = 0; count < 20_000; count++) {
    client.socket.ping(Buffer.alloc(100));
    if (count % 1000 === 0) await sleep(1);
  }
  client.socket.resume();
  assert.equal(typesOf(await client.ask()).at(-1), done);
});

test("a provider's close between answers is the client's, with the same code", async (t) => {
  const { connect, script } = await startSocketStage(t);
  for (const [code, told] of [
    [1000, 1000],
    [1012, 1012],
    [undefined, 1011],
  ] as const) {
    const client = await connect();
    await client.ask();
    script.closeAll(code);
    assert.equal(await client.closed, told);
  }
});

test("a socket is retired between answers when it is old", async (t) => {
  let now = Date.now();
  const { connect, script } = await startSocketStage(t, { now: () => now });
  const client = await connect({ session: "one" });
  script.fault("key-of-a", { kind: "slow", ms: 30 });
  client.send(create());
  await until("the answer runs", () => client.frames.length > 1);
  now += 56 * 60_000;
  assert.equal(typesOf(await client.answer(0)).at(-1), done);
  assert.equal(await client.closed, 1012);
  await until("the provider's side is closed", () => script.open === 0);
  const again = await connect({ session: "one" });
  assert.equal(typesOf(await again.ask()).at(-1), done);
});

test("a conversation that has moved stays at its new account while the socket lasts, and the next one is its own account's again", async (t) => {
  let now = Date.now();
  const { connect, script } = await startSocketStage(t, { now: () => now });
  const client = await connect({ session: "one" });
  const first = await client.ask();
  script.fault("key-of-a", usageLimit(600));
  assert.equal((await client.ask(continuing(first))).at(-1)?.error?.code, "previous_response_not_found");
  const moved = await connect({ session: "one" });
  const whole = await moved.ask();
  now += 20 * 60_000;
  assert.equal(typesOf(await moved.ask(continuing(whole))).at(-1), done);
  now += 36 * 60_000;
  assert.equal(await moved.closed, 1012);
  assert.equal(typesOf(await (await connect({ session: "one" })).ask()).at(-1), done);
  assert.deepEqual(
    script.creates.map(({ credential }) => credential),
    ["key-of-a", "key-of-a", "key-of-b", "key-of-b", "key-of-a"],
  );
});

test("an account that is disabled, or has another key, is left: the client connects again", async (t) => {
  const { connect, relay } = await startSocketStage(t);
  const client = await connect({ session: "one" });
  await client.ask();
  await relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.map((account) =>
      account.id === "a" ? { ...account, enabled: false } : account,
    ),
  }));
  assert.equal(await client.closed, 1012);
  const again = await connect({ session: "one" });
  assert.equal((await again.headers)["x-cc-relay-account"], "b");
  assert.equal(typesOf(await again.ask()).at(-1), done);
  await relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.map((account) => ({ ...account, secret: "key-of-c" })),
  }));
  assert.equal(await again.closed, 1012);
});

for (const ids of [["a"], ["a", "b"]])
  test(`a request that comes before a change of its account is noticed ends the socket, with ${ids.length} accounts: nobody is blamed`, async (t) => {
    const stage = await startSocketStage(t, { ids, limits: { sweepMs: 3_600_000 } });
    const { connect, relay, script } = stage;
    const client = await connect({ session: "one" });
    const first = await client.ask();
    await relay.reconfigure((config) => ({
      ...config,
      accounts: config.accounts.map((account) => ({ ...account, secret: `another-${account.secret}` })),
    }));
    assert.deepEqual(await client.ask(continuing(first)), []);
    assert.equal(await client.closed, 1012);
    const again = await connect({ session: "one" });
    assert.equal(typesOf(await again.ask()).at(-1), done);
    assert.deepEqual(
      script.creates.map(({ credential }) => credential),
      ["key-of-a", "another-key-of-a"],
    );
    assert.equal((await rowsOf(stage)).length, 2);
  });

test("a reload that changes nothing leaves sockets open; one that takes the key ends them", async (t) => {
  const keys = [
    { name: "one", key: "relay-key-1" },
    { name: "two", key: "relay-key-2" },
  ];
  const { connect, relay } = await startSocketStage(t, {
    configure: (config) => ({ ...config, apiKeys: keys }),
  });
  const client = await connect({ headers: { authorization: "Bearer relay-key-1" } });
  const first = await client.ask();
  await relay.reconfigure((config) => ({ ...config }));
  await sleep(80);
  assert.equal(typesOf(await client.ask(continuing(first))).at(-1), done);
  await relay.reconfigure((config) => ({ ...config, apiKeys: keys.slice(1) }));
  assert.equal(await client.closed, 1012);
});

test("a key that gets another value ends the sockets that were opened with the old one", async (t) => {
  const configured = (key: string) => [{ name: "laptop", key }];
  const { connect, relay } = await startSocketStage(t, {
    configure: (config) => ({ ...config, apiKeys: configured("relay-key-1") }),
  });
  const old = await connect({ headers: { authorization: "Bearer relay-key-1" } });
  await relay.reconfigure((config) => ({ ...config, apiKeys: configured("relay-key-2") }));
  assert.equal(await old.closed, 1012);
  const client = await connect({ headers: { authorization: "Bearer relay-key-2" } });
  await relay.reconfigure((config) => ({ ...config, apiKeys: [...configured("relay-key-2")] }));
  await sleep(80);
  assert.equal(typesOf(await client.ask()).at(-1), done);
});

test("a drain lets a running answer end, and closes what is idle at once", async (t) => {
  const stage = await startSocketStage(t);
  const { connect, script, relay } = stage;
  const idle = await connect();
  const busy = await connect();
  script.fault("key-of-a", { kind: "slow", ms: 30 });
  busy.send(create());
  await until("the answer runs", () => busy.frames.length > 1);
  const closing = relay.app.close();
  assert.equal(await idle.closed, 1012);
  assert.equal(typesOf(await busy.answer(0)).at(-1), done);
  assert.equal(await busy.closed, 1012);
  await closing;
  assert.deepEqual(
    (await rowsOf(stage)).map(({ outcome }) => outcome),
    ["complete"],
  );
  await relay.restart().catch(() => {});
});

test("at the end of drain_seconds what still runs is broken off and recorded as truncated", async (t) => {
  const stage = await startSocketStage(t, {
    configure: (config) => ({ ...config, server: { ...config.server, drainMs: 200 } }),
  });
  const client = await stage.connect();
  stage.script.fault("key-of-a", { kind: "slow", ms: 150 });
  client.send(create());
  await until("the answer runs", () => client.frames.some((text) => text.includes("delta")));
  await stage.relay.restart();
  await client.closed;
  assert.deepEqual(
    (await rowsOf(stage)).map(({ account, outcome }) => [account, outcome]),
    [["a", "truncated"]],
  );
});

test("one that asks for h2c is answered in HTTP/1.1, body and all", async (t) => {
  const { relay } = await startSocketStage(t);
  const body = JSON.stringify({ model: "gpt-5.6", input: "Hi" });
  const head = [
    "POST /openai/v1/responses HTTP/1.1",
    "Host: 127.0.0.1",
    "Connection: Upgrade, HTTP2-Settings, close",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
  ];
  const answer = String(
    await sendRaw(Number(new URL(relay.url).port), `${head.join("\r\n")}\r\n\r\n${body}`),
  );
  assert.match(answer, /^HTTP\/1\.1 200 /);
});
