// HTTP's side of the pipeline's client, on real sockets.

import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientSink } from "../../src/relay/client.ts";
import { createHttpSink, type HttpSinkOptions } from "../../src/server/http-client.ts";
import { patient } from "../support/patience.ts";
import { until } from "../support/until.ts";

interface Exchange {
  sink: ClientSink;
  response: ServerResponse;
  socket: Socket;
  /** What the client has read. */
  text(): string;
  /** How its connection ended: the error's code, or "closed". */
  end(): string | undefined;
}

/** A request that has been sent, and nothing of whose answer has been read. */
async function open(t: TestContext, times: HttpSinkOptions): Promise<Exchange> {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>();
  const server = createServer((_, response) => resolve(response));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.pause();
  let text = "";
  let end: string | undefined;
  socket.on("error", (error: NodeJS.ErrnoException) => (end = error.code ?? error.message));
  socket.on("close", () => (end ??= "closed"));
  socket.write("GET / HTTP/1.1\r\nhost: here\r\n\r\n");
  const response = await promise;
  const read = () => socket.on("data", (chunk) => (text += chunk.toString())).resume();
  t.after(() => socket.destroy());
  return {
    sink: createHttpSink(response, times),
    response,
    socket,
    text() {
      if (socket.listenerCount("data") === 0) read();
      return text;
    },
    end: () => end,
  };
}

const head = { status: 200, headers: ["content-type", "text/event-stream"] };
const megabyte = Buffer.alloc(1024 * 1024, "x");

test("a client that reads nothing, while something waits for it, is disconnected", async (t) => {
  const stallTimeoutMs = 1000;
  const { sink, response } = await open(t, { stallTimeoutMs });
  sink.start(head);
  const beganAt = performance.now();
  // More than the kernel's buffers take.
  for (let times = 0; times < 32; times++) sink.write(megabyte);
  await until("the connection is gone", () => response.destroyed || response.socket?.destroyed);
  const ms = performance.now() - beganAt;
  assert.ok(ms >= stallTimeoutMs * 0.95 && ms < patient(stallTimeoutMs * 1.4), `after ${ms} ms`);
});

test("a client that reads nothing of an answer that has ended is disconnected, too", async (t) => {
  const { sink, response } = await open(t, { stallTimeoutMs: 150 });
  sink.start(head);
  sink.end(Buffer.alloc(32 * 1024 * 1024, "x"));
  await until("the connection is gone", () => response.destroyed || response.socket?.destroyed);
});

test("a client that sends now and then, but reads nothing, is disconnected all the same", async (t) => {
  const { sink, response, socket } = await open(t, { stallTimeoutMs: 300 });
  sink.start(head);
  sink.end(Buffer.alloc(32 * 1024 * 1024, "x"));
  // Empty lines before a request are skipped (RFC 9112, section 2.2).
  const sending = setInterval(() => socket.write("\r\n"), 10);
  t.after(() => clearInterval(sending));
  await until("the connection is gone", () => response.destroyed || response.socket?.destroyed);
});

test("an answer that was read slowly leaves nothing behind on its connection, which may have many more", async (t) => {
  const { sink, response, text } = await open(t, {});
  const { socket } = response;
  // node:http has one for as long as the response.
  const others = socket!.listenerCount("close") - 1;
  sink.start(head);
  assert.equal(sink.write(Buffer.alloc(8 * 1024 * 1024, "x")), false);
  sink.end();
  assert.equal(socket!.listenerCount("close"), others + 2);
  text();
  await until("the answer is out", () => response.closed);
  assert.equal(socket!.listenerCount("close"), others);
});

test("what a client has not read is known until it has read that", async (t) => {
  const { sink, text } = await open(t, {});
  let isTaken = false;
  sink.start(head);
  sink.write(Buffer.from("first"));
  assert.equal(sink.waitingBytes, 0);
  const bytes = 32 * 1024 * 1024;
  sink.end(Buffer.alloc(bytes, "x"));
  sink.onTaken?.(() => (isTaken = true));
  assert.ok(sink.waitingBytes! >= bytes, `${sink.waitingBytes}`);
  await sleep(20);
  assert.equal(isTaken, false);
  text();
  await until("it is read", () => isTaken);
  assert.equal(sink.waitingBytes, 0);
});

test("a client that has nothing to read is not disconnected, however long it waits", async (t) => {
  const { sink, text, end } = await open(t, { stallTimeoutMs: 50 });
  sink.start(head);
  sink.write(Buffer.from("first"));
  await sleep(250);
  sink.write(Buffer.from("second"));
  sink.end();
  await until("all is there", () => text().includes("second") && text().endsWith("0\r\n\r\n"));
  assert.equal(end(), undefined);
});

test("after its error event an answer is broken off, and the event has arrived", async (t) => {
  const { sink, text, end } = await open(t, { errorGraceMs: 50 });
  sink.start(head);
  sink.write(Buffer.from("first"));
  sink.endWithError(Buffer.from('data: {"error":{}}\n\n'));
  const beganAt = performance.now();
  await until("the error has arrived", () => text().includes('data: {"error":{}}'));
  await until("the connection is gone", () => end() !== undefined);
  assert.equal(end(), "ECONNRESET");
  assert.ok(performance.now() - beganAt >= 45);
  assert.doesNotMatch(text(), /\r\n0\r\n\r\n$/);
});

test("an answer that breaks off before its head closes the connection", async (t) => {
  const { sink, text, end } = await open(t, {});
  sink.breakOff();
  assert.equal(text(), "");
  await until("the connection is gone", () => end());
  assert.equal(text(), "");
});
