// An attempt that is cancelled while its connection is still being made takes the connection attempt with it.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Call } from "../../src/domain/call.ts";
import { createDispatchers } from "../../src/network/dispatchers.ts";
import type { ProxySettings } from "../../src/network/proxy.ts";
import { type AttemptResult, attempt } from "../../src/relay/attempt.ts";
import { systemTimers } from "../../src/time/timers.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { startConnectProxy } from "../support/proxies.ts";
import { startTcpServer } from "../support/tcp-server.ts";
import { until } from "../support/until.ts";

/** Takes connections and says nothing: no TLS handshake ever ends. */
async function startSilentHost(t: TestContext) {
  let received = 0;
  const { port, open } = await startTcpServer(t, (socket) => {
    socket.on("data", (bytes) => (received += bytes.length));
  });
  return { origin: `https://127.0.0.1:${port}`, open, received: () => received };
}

interface Asked {
  origin: string;
  proxy?: ProxySettings;
  firstByteMs?: number;
}

/** Of one account's dispatcher, whose own limit for connections is far away. */
function createAsker(t: TestContext) {
  const dispatchers = createDispatchers({ connectTimeoutMs: 60_000 });
  t.after(() => dispatchers.close());
  return ({ origin, proxy, firstByteMs = 60_000 }: Asked, signal = new AbortController().signal) =>
    attempt({
      dispatcher: dispatchers.for("a", proxy),
      request: { origin, path: "/v1/messages", method: "POST", headers: [], body: Buffer.from("{}") },
      upstream: accountKinds["claude-api"].upstream,
      call: { family: "claude", operation: "generate", stream: true } as Call,
      timeouts: { firstByteMs, idleMs: 60_000 },
      signal,
      now: Date.now,
      timers: systemTimers,
      onObserverError: assert.ifError,
    });
}

function kindOf(result: AttemptResult): string {
  return result.ok ? "ok" : result.failure.kind;
}

test("a time limit ends a TLS handshake that never comes to its end", async (t) => {
  const host = await startSilentHost(t);
  const result = await createAsker(t)({ origin: host.origin, firstByteMs: 200 });
  assert.equal(kindOf(result), "unreachable");
  await until("the connection to be given up", () => host.open() === 0);
});

test("a client that leaves ends it too", async (t) => {
  const host = await startSilentHost(t);
  const client = new AbortController();
  const asked = createAsker(t)({ origin: host.origin }, client.signal);
  await until("the connection", () => host.received() > 0);
  client.abort(new Error("the client has left"));
  assert.equal(kindOf(await asked), "aborted");
  await until("the connection to be given up", () => host.open() === 0);
});

test("a time limit ends the tunnel of a proxy that stays silent", async (t) => {
  const proxy = await startConnectProxy();
  t.after(() => proxy.close());
  proxy.behaviour = { kind: "stall" };
  const settings = { type: "http", host: "127.0.0.1", port: proxy.port } as const;
  const result = await createAsker(t)({ origin: "https://api.example", proxy: settings, firstByteMs: 200 });
  assert.equal(kindOf(result), "unreachable");
  await until("the tunnel to be given up", () => proxy.openConnections === 0);
});

test("one that is cancelled takes no other request's connection with it", async (t) => {
  const host = await startSilentHost(t);
  const ask = createAsker(t);
  const leaving = new AbortController();
  const staying = new AbortController();
  const gone = ask({ origin: host.origin }, leaving.signal);
  const kept = ask({ origin: host.origin }, staying.signal);
  await until("both connections", () => host.open() === 2);
  leaving.abort(new Error("the client has left"));
  assert.equal(kindOf(await gone), "aborted");
  await until("one connection to be given up", () => host.open() === 1);
  assert.equal(
    await Promise.race([kept, new Promise((resolve) => setTimeout(resolve, 50, "waits"))]),
    "waits",
  );
  staying.abort(new Error("the client has left"));
  await kept;
});
