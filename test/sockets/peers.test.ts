// Peers of a WebSocket that mean harm or are broken, on either side: what they can make the relay hold, and when they are ended.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { soon, turns, until } from "../support/until.ts";
import { RawClient } from "./raw-client.ts";
import { create, rowsOf, type SocketStage, type StageOptions, startSocketStage, typesOf } from "./stage.ts";

const done = "response.completed";

function startSmall(t: TestContext, options: StageOptions = {}): Promise<SocketStage> {
  return startSocketStage(t, {
    ...options,
    configure: (config) => ({ ...config, server: { ...config.server, maxBodyBytes: 100_000 } }),
  });
}

test("a provider's frame that is too long only once it is inflated ends both sides with 1009", async (t) => {
  const { connect, script } = await startSmall(t);
  const client = await connect();
  await client.ask();
  const [socket] = script.sockets;
  assert.match(socket!.extensions, /permessage-deflate/);
  const bytesBefore = socketBytes(socket!);
  socket!.send(JSON.stringify({ type: "response.note", pad: "a".repeat(10_000_000) }));
  assert.equal(await client.closed, 1009);
  assert.ok(socketBytes(socket!) - bytesBefore < 100_000, "it was a bomb");
  await until("the provider's side is closed", () => script.open === 0);
});

function socketBytes(socket: object): number {
  return (socket as { _socket: Socket })._socket.bytesWritten;
}

test("an answer that is a bomb before its first event is another account's to give", async (t) => {
  const { connect, script, ...stage } = await startSmall(t);
  const client = await connect();
  script.fault("key-of-a", { kind: "frame", text: `{"pad":"${"a".repeat(3_000_000)}"}` });
  assert.equal(typesOf(await client.ask()).at(-1), done);
  assert.deepEqual((await rowsOf(stage))[0]?.path, ["a", "b"]);
});

test("a client gets no compression, and one that compresses all the same is ended", async (t) => {
  const stage = await startSocketStage(t);
  const client = await new RawClient(stage, "permessage-deflate; client_max_window_bits").opened();
  assert.doesNotMatch(client.text, /sec-websocket-extensions/i);
  // RSV1 says that the frame is compressed.
  client.write(0xc1, Buffer.from([0xaa, 0x56, 0x2a]));
  await until("the relay closes", () => client.closeCode !== undefined);
  assert.equal(client.closeCode, 1002);
  await until("the provider's side is closed", () => stage.script.open === 0);
});

test("messages in fragments are whole on the other side, from either peer", async (t) => {
  const { connect, script } = await startSocketStage(t);
  const client = await connect();
  const text = JSON.stringify(create({ instructions: "in three pieces" }));
  client.socket.send(text.slice(0, 40), { fin: false });
  client.socket.send(text.slice(40, 41), { fin: false });
  client.socket.send(text.slice(41), { fin: true });
  assert.equal(typesOf(await client.answer(0)).at(-1), done);
  assert.equal(script.creates[0]?.frame.toString(), text);
  const from = client.frames.length;
  const note = JSON.stringify({ type: "response.note", text: "also in pieces" });
  const [socket] = script.sockets;
  socket!.send(note.slice(0, 9), { fin: false });
  socket!.send(note.slice(9), { fin: true });
  await until("the note arrives", () => client.frames.length > from);
  assert.equal(client.frames.at(-1), note);
});

test("fragments without an end are bounded, in bytes and in number", async (t) => {
  const { connect, script } = await startSmall(t);
  const large = await connect();
  for (let count = 0; count < 3; count++) large.socket.send("x".repeat(50_000), { fin: false });
  assert.equal(await large.closed, 1009);
  const many = await connect();
  for (let count = 0; count < 20_000; count++) many.socket.send("x", { fin: false });
  assert.equal(await many.closed, 1008);
  await until("the provider's sides are closed", () => script.open === 0);
});

test("a flood of pings from a provider that reads nothing does not keep its client from going on", async (t) => {
  const { connect, script } = await startSocketStage(t);
  const client = await connect();
  const [socket] = script.sockets;
  socket!.pause();
  for (let count = 0; count < 20_000; count++) {
    socket!.ping(Buffer.alloc(100));
    if (count % 2000 === 0) await sleep(1);
  }
  socket!.resume();
  assert.equal(typesOf(await client.ask()).at(-1), done);
});

test("pings are answered, on both sides", async (t) => {
  const { connect, script } = await startSocketStage(t);
  const client = await connect();
  const [socket] = script.sockets;
  for (const peer of [client.socket, socket!]) {
    const pong = new Promise<Buffer>((resolve) => peer.once("pong", resolve));
    peer.ping("are you there");
    assert.equal((await pong).toString(), "are you there");
  }
});

test("a client that does not answer the close is disconnected after three seconds", async (t) => {
  const stage = await startSocketStage(t);
  const client = await new RawClient(stage).opened();
  await until("the provider's side is open", () => stage.script.open === 1);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  stage.script.closeAll(1012);
  await soon(() => client.closeCode === 1012);
  t.mock.timers.tick(2900);
  await turns();
  assert.equal(client.isClosed, false);
  t.mock.timers.tick(200);
  await soon(() => client.isClosed);
  t.mock.timers.reset();
});

test("a provider that does not answer the close is disconnected after three seconds", async (t) => {
  const { connect, script } = await startSocketStage(t);
  const client = await connect();
  const [socket] = script.sockets;
  socket!.pause();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let isClosed = false;
  (socket as unknown as { _socket: Socket })._socket.once("close", () => (isClosed = true));
  client.socket.terminate();
  await turns();
  t.mock.timers.tick(2900);
  await turns();
  assert.equal(isClosed, false);
  t.mock.timers.tick(3200);
  socket!.resume();
  await soon(() => isClosed);
  t.mock.timers.reset();
});

test("a client that reads nothing holds its provider back, and is disconnected in the end", async (t) => {
  const { connect, script, ...stage } = await startSocketStage(t, {
    limits: { sink: { stallTimeoutMs: 300, highWaterBytes: 64 * 1024 } },
  });
  // It cannot be deflated to next to nothing, which would be taken for a bomb.
  const content = randomBytes(15_000_000).toString("base64");
  script.answerWith(() => ({ content, events: 200 }));
  const client = await connect();
  client.socket.pause();
  client.send(create());
  const [socket] = script.sockets;
  await until("the provider is held back", () => socket!.bufferedAmount > 1_000_000);
  await until("the provider's side is closed", () => script.open === 0);
  const [row] = await until("the row", async () => {
    const rows = await rowsOf(stage);
    return rows.length > 0 && rows;
  });
  assert.deepEqual([row?.account, row?.outcome], ["a", "aborted"]);
  client.socket.resume();
  await client.closed;
  assert.ok(client.frames.join("").length < content.length);
});

test("frames about requests are bounded where the provider reads nothing", async (t) => {
  const { connect, script } = await startSmall(t);
  const client = await connect();
  const [socket] = script.sockets;
  socket!.pause();
  const cancel = { type: "response.cancel", pad: "x".repeat(50_000) };
  for (let count = 0; count < 1000 && !client.isClosed; count++) {
    client.send(cancel);
    if (count % 20 === 0) await sleep(1);
  }
  assert.equal(await client.closed, 1009);
  socket!.resume();
  await until("the provider's side is closed", () => script.open === 0);
});

test("frames that belong to no request are bounded where the client reads nothing", async (t) => {
  const { connect, script } = await startSmall(t);
  const client = await connect();
  const [socket] = script.sockets;
  client.socket.pause();
  const note = JSON.stringify({ type: "response.note", pad: "x".repeat(50_000) });
  for (let count = 0; count < 1000 && script.open > 0; count++) {
    socket!.send(note);
    if (count % 20 === 0) await sleep(1);
  }
  await until("the provider's side is closed", () => script.open === 0);
  client.socket.resume();
  await client.closed;
  assert.ok(client.frames.length < 1000);
});

test("each key has so many sockets at most", async (t) => {
  const keys = ["one", "two"].map((name) => ({ name, key: `relay-key-${name}` }));
  const { connect, refused } = await startSocketStage(t, {
    limits: { maxPerClient: 2 },
    configure: (config) => ({ ...config, apiKeys: keys }),
  });
  const as = (name: string) => ({ headers: { authorization: `Bearer relay-key-${name}` } });
  const first = await connect(as("one"));
  await connect(as("one"));
  const { status, body } = await refused(as("one"));
  assert.equal(status, 426);
  assert.match(body, /The key one has 2 sockets open already/);
  assert.equal(typesOf(await (await connect(as("two"))).ask()).at(-1), done);
  first.socket.close();
  await first.closed;
  const again = await until("there is room again", () => connect(as("one")).catch(() => undefined));
  assert.equal(typesOf(await again.ask()).at(-1), done);
});
