// What has come of a client's frames and is not being answered yet: bounded by server.memory_mb, and a frame without an end by time.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createManualTime } from "../support/manual-time.ts";
import { turns, until } from "../support/until.ts";
import { RawClient } from "./raw-client.ts";
import { type Client, create, type SocketStage, startSocketStage, typesOf } from "./stage.ts";

const done = "response.completed";
/** Bytes. */
const unit = 256 * 1024;

interface Memory {
  memoryUnits: number;
  maxWaitMs: number;
}

function startTight(t: TestContext, { memoryUnits, maxWaitMs }: Memory): Promise<SocketStage> {
  return startSocketStage(t, {
    isFast: true,
    limits: { closeTimeoutMs: 50 },
    configure: (config) => ({
      ...config,
      server: { ...config.server, memoryBytes: memoryUnits * unit },
      session: { ...config.session, maxWaitMs },
    }),
  });
}

/** The beginning of a message of so many bytes. */
function begin({ socket }: Client, bytes: number): void {
  socket.send("x".repeat(bytes), { fin: false });
}

/** A body of this size over HTTP, beside what the sockets hold. */
async function post({ relay }: SocketStage, bytes: number, timeoutMs = 20_000): Promise<number> {
  const answer = await fetch(`${relay.url}/openai/v1/responses`, {
    method: "POST",
    signal: AbortSignal.timeout(timeoutMs),
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-5.6", input: "Hi", pad: "x".repeat(bytes) }),
  });
  await answer.text();
  return answer.status;
}

test("messages without an end take of server.memory_mb, and give it back when their clients leave", async (t) => {
  const stage = await startTight(t, { memoryUnits: 4, maxWaitMs: 2000 });
  const clients = await Promise.all([stage.connect(), stage.connect()]);
  assert.equal(await post(stage, 3 * unit), 200);
  for (const client of clients) begin(client, unit);
  await until("they are counted", async () => (await post(stage, 3 * unit)) === 503);
  for (const client of clients) client.socket.terminate();
  await until("they are gone", async () => (await post(stage, 3 * unit)) === 200);
});

test("a message that comes to its end is given back, too", async (t) => {
  const stage = await startTight(t, { memoryUnits: 4, maxWaitMs: 2000 });
  const client = await stage.connect();
  const text = JSON.stringify(create({ pad: "x".repeat(2 * unit) }));
  client.socket.send(text.slice(0, unit), { fin: false });
  client.socket.send(text.slice(unit), { fin: true });
  assert.equal(typesOf(await client.answer(0)).at(-1), done);
  assert.equal(stage.script.creates[0]?.frame.toString(), text);
  assert.equal(await post(stage, 3 * unit), 200);
});

test("where no memory is left a message waits for its turn", async (t) => {
  const stage = await startTight(t, { memoryUnits: 4, maxWaitMs: 30_000 });
  const first = await stage.connect();
  begin(first, 3 * unit);
  const finds = (timeoutMs: number) => post(stage, 2 * unit, timeoutMs).catch(() => "no room");
  await until("it is counted", async () => (await finds(300)) === "no room");
  const second = await stage.connect();
  const asked = second.ask(create({ pad: "x".repeat(2 * unit) }));
  await turns();
  assert.equal(stage.script.creates.length, 0);
  first.socket.terminate();
  assert.equal(typesOf(await asked).at(-1), done);
});

test("one that waits for too long is ended with 1013, and others go on", async (t) => {
  const stage = await startTight(t, { memoryUnits: 4, maxWaitMs: 2000 });
  const first = await stage.connect();
  begin(first, 3 * unit);
  await until("it is counted", async () => (await post(stage, 2 * unit)) === 503);
  const second = await stage.connect();
  begin(second, 2 * unit);
  assert.equal(await second.closed, 1013);
  assert.equal(typesOf(await (await stage.connect()).ask()).at(-1), done);
  assert.ok(stage.relay.log.some(({ message }) => message === "short of resources"));
});

test("a message that needs more than all of it is ended with 1009: to wait would be no help", async (t) => {
  const stage = await startTight(t, { memoryUnits: 4, maxWaitMs: 2000 });
  const client = await stage.connect();
  const reason = new Promise((resolve) => client.socket.once("close", (_, text) => resolve(String(text))));
  begin(client, 5 * unit);
  assert.equal(await client.closed, 1009);
  assert.equal(
    await reason,
    "The request needs more memory than all of server.memory_mb; send less, or raise that in config.toml.",
  );
});

test("requests that wait for the answer of the one before take of it as well", async (t) => {
  const stage = await startTight(t, { memoryUnits: 4, maxWaitMs: 2000 });
  const client = await stage.connect();
  stage.script.answerWith(() => ({ content: "x".repeat(1000), events: 100 }));
  stage.script.fault("key-of-a", { kind: "slow", ms: 200 });
  client.send(create());
  await until("the answer runs", () => stage.script.creates.length === 1);
  for (let count = 0; count < 2; count++) client.send(create({ pad: "x".repeat(unit) }));
  await until("they are counted", async () => (await post(stage, 3 * unit)) === 503);
  client.socket.terminate();
  await until("they are gone", async () => (await post(stage, 3 * unit)) === 200);
});

test("a frame that is not at its end and hardly grows is ended with 1008, one that comes steadily is not", async (t) => {
  const { timers, advance } = createManualTime();
  const stall = { stallMs: 1500, stallBytes: 10_000 };
  const stage = await startSocketStage(t, { timers, limits: { stall, closeTimeoutMs: 50 } });
  const slow = await new RawClient(stage).opened();
  const steady = await stage.connect();
  const idle = await stage.connect();
  const text = JSON.stringify(create({ pad: "x".repeat(500_000) }));
  // The head of a frame of 60 KB, and the first of it; then some bytes now and then.
  slow.socket.write(Buffer.from([0x81, 0xfe, 0xea, 0x60, 0, 0, 0, 0, 0x7b]));
  for (let at = 0; at < text.length; at += 15_000) {
    if (!slow.isClosed) slow.socket.write("x");
    steady.socket.send(text.slice(at, at + 15_000), { fin: at + 15_000 >= text.length });
    await turns();
    advance(100);
  }
  assert.equal(typesOf(await steady.answer(0)).at(-1), done);
  await until("the slow one is ended", () => slow.closeCode !== undefined);
  assert.equal(slow.closeCode, 1008);
  await until("its connection is closed", () => slow.isClosed);
  // Nothing has begun here.
  assert.equal(typesOf(await idle.ask()).at(-1), done);
  assert.ok(stage.relay.log.some(({ fields }) => fields.error === "body_timeout"));
});
