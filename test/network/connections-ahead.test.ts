// When a connection is opened before a request needs it, how long it is kept, and what a request finds that takes it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import {
  type ConnectionsAhead,
  connectMsAhead,
  createConnectionsAhead,
} from "../../src/network/connections-ahead.ts";
import { until } from "../support/until.ts";

const minuteMs = 60_000;
const origin = "https://provider.example";

/** Connections to a server of the test, whatever the address; the provider's ends of them. */
async function setUp(t: TestContext) {
  const far: Socket[] = [];
  const server = createServer((socket) => far.push(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  let now = 0;
  let isRefused = false;
  const asked: string[] = [];
  const ahead = createConnectionsAhead({
    keptMs: 11 * minuteMs,
    monotonic: () => now,
    connect({ protocol, host, signal }, callback) {
      asked.push(`${protocol}//${host}`);
      if (isRefused) return queueMicrotask(() => callback(new Error("refused"), null));
      const socket = connectTcp(port, "127.0.0.1", () => callback(null, socket));
      signal?.addEventListener("abort", () => socket.destroy());
    },
  });
  t.after(() => {
    ahead.close();
    for (const socket of far) socket.destroy();
    server.close();
  });
  return {
    ahead,
    asked,
    far,
    pass(ms: number) {
      now += ms;
    },
    refuse(refused: boolean) {
      isRefused = refused;
    },
    isOpen: (count: number) => until(`connection ${count} is open`, () => far.length === count),
  };
}

function connect({ connect }: ConnectionsAhead): Promise<Socket> {
  const { protocol, host, hostname, port } = new URL(origin);
  return new Promise((resolve, reject) =>
    connect({ protocol, host, hostname, port }, (error, socket) => (error ? reject(error) : resolve(socket))),
  );
}

/** Long enough for what is open to have been taken into keeping. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("a request gets the connection that is open, once, and it is known to have been idle", async (t) => {
  const { ahead, asked, isOpen } = await setUp(t);
  ahead.used(origin);
  ahead.open(origin);
  await isOpen(1);
  await settle();
  const first = await connect(ahead);
  assert.equal(asked.length, 1);
  assert.notEqual(connectMsAhead(first), undefined);
  const second = await connect(ahead);
  assert.equal(asked.length, 2);
  assert.equal(connectMsAhead(second), undefined);
  for (const socket of [first, second]) socket.destroy();
});

test("one that its provider closes is replaced, but not within ten seconds, and not when nobody has asked for eleven minutes", async (t) => {
  const { ahead, asked, far, isOpen, pass } = await setUp(t);
  ahead.used(origin);
  ahead.open(origin);
  await isOpen(1);
  await settle();
  pass(minuteMs);
  far[0]!.end();
  await isOpen(2);
  await settle();
  pass(9000);
  far[1]!.end();
  await once(far[1]!, "close");
  await settle();
  assert.equal(asked.length, 2);
  pass(minuteMs);
  ahead.open(origin);
  await isOpen(3);
  await settle();
  pass(9 * minuteMs);
  far[2]!.end();
  await once(far[2]!, "close");
  await settle();
  assert.equal(asked.length, 3);
});

test("what a provider says unasked closes it", async (t) => {
  const { ahead, asked, far, isOpen, pass } = await setUp(t);
  ahead.used(origin);
  ahead.open(origin);
  await isOpen(1);
  await settle();
  far[0]!.write("HTTP/1.1 408 Request Timeout\r\n\r\n");
  await once(far[0]!.resume(), "close");
  pass(minuteMs);
  const socket = await connect(ahead);
  assert.equal(asked.length, 2);
  socket.destroy();
});

test("none is opened beside another one, for an address without TLS, or after the end", async (t) => {
  const { ahead, asked } = await setUp(t);
  ahead.open("http://127.0.0.1:3000");
  ahead.connected(origin);
  ahead.open(origin);
  assert.deepEqual(asked, []);
  ahead.close();
  ahead.disconnected(origin, true);
  ahead.open(origin);
  assert.deepEqual(asked, []);
});

test("of the last connection alone, and by its provider alone, the end has another one opened", async (t) => {
  const { ahead, asked, isOpen } = await setUp(t);
  for (let count = 0; count < 2; count++) ahead.used(origin);
  for (let count = 0; count < 3; count++) ahead.connected(origin);
  ahead.disconnected(origin, true);
  ahead.disconnected(origin, true);
  assert.deepEqual(asked, []);
  ahead.disconnected(origin, false);
  assert.deepEqual(asked, []);
  ahead.connected(origin);
  ahead.disconnected(origin, true);
  assert.deepEqual(asked, [origin]);
  await isOpen(1);
});

test("an address that one request went to, as a login's does that is refreshed, is not connected again", async (t) => {
  const { ahead, asked, pass } = await setUp(t);
  for (let hour = 0; hour < 2; hour++) {
    ahead.used(origin);
    ahead.connected(origin);
    ahead.disconnected(origin, true);
    pass(60 * minuteMs);
  }
  assert.deepEqual(asked, []);
});

test("one that could not be opened leaves the next request to connect for itself", async (t) => {
  const { ahead, asked, refuse } = await setUp(t);
  refuse(true);
  ahead.used(origin);
  ahead.open(origin);
  await settle();
  refuse(false);
  const socket = await connect(ahead);
  assert.deepEqual(asked, [origin, origin]);
  socket.destroy();
});
