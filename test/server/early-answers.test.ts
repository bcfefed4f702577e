// Answers that are given while the request's body still comes, or before it is sent.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startRelay, type TestRelayOptions, testAccount } from "../support/relay.ts";
import { startUpstream } from "../support/upstream.ts";

const key = "relay-key-1";
const mebi = 1024 * 1024;

async function setUp(t: TestContext, options: TestRelayOptions = {}) {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const relay = await startRelay({
    ...options,
    accounts: [testAccount("a", "claude-api", upstream.url)],
    configure: (config) => ({
      ...config,
      apiKeys: [{ name: "laptop", key }],
      server: { ...config.server, maxBodyBytes: mebi },
    }),
  });
  t.after(() => relay.close());
  return { upstream, relay, port: Number(new URL(relay.url).port) };
}

interface Conversation {
  socket: Socket;
  text(): string;
  error(): string | undefined;
  until(part: string): Promise<void>;
}

async function talk(t: TestContext, port: number): Promise<Conversation> {
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  let text = "";
  let error: string | undefined;
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  socket.on("error", (cause: NodeJS.ErrnoException) => (error = cause.code));
  await once(socket, "connect");
  return {
    socket,
    text: () => text,
    error: () => error,
    async until(part) {
      while (!text.includes(part)) {
        if (socket.destroyed) throw new Error(`closed before ${JSON.stringify(part)}: ${text}`);
        await sleep(5);
      }
    },
  };
}

const head = (lines: readonly string[]) =>
  [`POST /v1/messages HTTP/1.1`, "Host: 127.0.0.1", "Content-Type: application/json", ...lines, "", ""].join(
    "\r\n",
  );
const body = '{"model":"claude-opus-5-5","messages":[],"max_tokens":1}';

/** Sends so many bytes, as the socket takes them, until the other side has closed. */
async function sendBody(socket: Socket, bytes: number): Promise<void> {
  const piece = Buffer.alloc(64 * 1024, "x");
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += piece.length) {
    if (!socket.write(piece))
      await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
  }
}

for (const version of ["HTTP/1.1", "HTTP/1.0"]) {
  test(`${version} with Connection: close: 4 clients with 8 MB on the way read their 401 and no reset`, async (t) => {
    const { port } = await setUp(t);
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        const { socket, text, error } = await talk(t, port);
        const bytes = 8 * mebi;
        socket.write(head([`Content-Length: ${bytes}`, "Connection: close"]).replace("HTTP/1.1", version));
        const closed = once(socket, "close").catch(() => {});
        await sendBody(socket, bytes);
        await closed;
        assert.match(text(), /^HTTP\/1\.1 401 /);
        assert.match(text(), /authentication_error/);
        assert.equal(error(), undefined);
      }),
    );
  });
}

test("a body that is too large is answered so, and what still comes is read", async (t) => {
  const { port } = await setUp(t);
  const { socket, text, error } = await talk(t, port);
  socket.write(head([`Content-Length: ${8 * mebi}`, `x-api-key: ${key}`, "Connection: close"]));
  const closed = once(socket, "close").catch(() => {});
  await sendBody(socket, 8 * mebi);
  await closed;
  assert.match(text(), /^HTTP\/1\.1 413 /);
  assert.equal(error(), undefined);
});

test("a refused connection that sends for ever is closed after 5 s", async (t) => {
  const { port, relay } = await setUp(t, { isFast: true });
  const { socket, text } = await talk(t, port);
  socket.write(head(["Transfer-Encoding: chunked", "Connection: close"]));
  const begun = relay.clock.monotonic();
  const drip = setInterval(() => socket.write("1\r\nx\r\n"), 5);
  t.after(() => clearInterval(drip));
  await once(socket, "close").catch(() => {});
  const seconds = (relay.clock.monotonic() - begun) / 1000;
  assert.match(text(), /^HTTP\/1\.1 401 /);
  assert.ok(seconds > 4 && seconds < 12, `${seconds} s`);
});

test("a kept-alive connection goes on after a refusal", async (t) => {
  const { port } = await setUp(t);
  const { socket, text, until } = await talk(t, port);
  socket.write(head([`Content-Length: ${4 * mebi}`]));
  await sendBody(socket, 4 * mebi);
  await until("authentication_error");
  socket.write("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  await until('"status":"ok"');
  assert.match(text(), /^HTTP\/1\.1 401 /);
});

test("Expect: 100-continue is answered when the key and the announced size are right", async (t) => {
  const { port, upstream } = await setUp(t);
  const { socket, text, until } = await talk(t, port);
  socket.write(head([`Content-Length: ${body.length}`, `x-api-key: ${key}`, "Expect: 100-continue"]));
  await until("HTTP/1.1 100 Continue\r\n\r\n");
  assert.equal(upstream.requests.length, 0);
  socket.write(body);
  await until("HTTP/1.1 200 ");
  assert.match(text(), /\r\nConnection: keep-alive\r\n/i);
  assert.equal(String(upstream.requests[0]!.body), body);
});

test("Expect: 100-continue with a wrong key, or too large a size, is refused without it", async (t) => {
  const { port } = await setUp(t);
  for (const [lines, status] of [
    [["Content-Length: 10", "x-api-key: wrong"], 401],
    [[`Content-Length: ${2 * mebi}`, `x-api-key: ${key}`], 413],
  ] as const) {
    const { socket, text, until } = await talk(t, port);
    socket.write(head([...lines, "Expect: 100-continue"]));
    await until(`HTTP/1.1 ${status} `);
    await until("Connection: close");
    assert.doesNotMatch(text(), /100 Continue/);
  }
});
