// What is said of a failed connection or exchange without a proxy, and whether the request may be repeated.

import assert from "node:assert/strict";
import net, { type AddressInfo, type Socket } from "node:net";
import { after, test } from "node:test";
import { request } from "undici";
import { readNetworkFault } from "../../src/network/faults.ts";
import { startTcpServer } from "../support/tcp-server.ts";
import { closeAfterwards, closeAll, dispatchers, faultOf, get, startUpstream } from "./dispatchers-setup.ts";

after(closeAll);

test("faults of the way to the provider say what happened and where", async () => {
  const all = dispatchers({ connectTimeoutMs: 300 });
  const direct = all.for("a", undefined);
  const closed = await startRaw((socket) => socket.destroy());
  const silent = await startRaw(() => {});
  const garbage = await startRaw((socket) => void socket.write("SSH-2.0-OpenSSH\r\n"));
  const secure = await startUpstream({ secure: true });
  const free = await freePort();
  const cut = await startUpstream({
    handler: (_request, response) => {
      response.write("first ");
      setTimeout(() => response.destroy(), 10);
    },
  });
  const untrusting = dispatchers({ ca: undefined }).for("a", undefined);
  const table: [() => Promise<unknown>, string, RegExp][] = [
    [
      () => get(direct, `http://127.0.0.1:${free}`),
      "unreachable",
      /^127\.0\.0\.1:\d+ refused the connection$/,
    ],
    [() => get(direct, `http://localhost:${free}`), "unreachable", /^localhost:\d+ refused the connection$/],
    [
      () => get(direct, "http://no-such-name.invalid"),
      "unreachable",
      /^the name of no-such-name\.invalid:80 could not be resolved/,
    ],
    [
      () => get(direct, `http://127.0.0.1:${closed}`),
      "unreachable",
      /closed the connection without an answer$/,
    ],
    [
      () => get(direct, `http://127.0.0.1:${garbage}`),
      "unreachable",
      /sent something that is not an HTTP answer \(HPE_/,
    ],
    [
      () => get(direct, `https://127.0.0.1:${silent}`),
      "timeout",
      /^no connection to 127\.0\.0\.1:\d+ within 0\.3 s$/,
    ],
    [
      () => get(untrusting, `https://localhost:${secure.port}`),
      "unreachable",
      /certificate of localhost:\d+ was not accepted \(/,
    ],
    [() => get(direct, `https://127.0.0.2:${secure.port}`), "unreachable", /refused|ALTNAME/],
    [
      () => get(direct, `http://127.0.0.1:${cut.port}`),
      "unreachable",
      /broke off in the middle of its answer$/,
    ],
  ];
  for (const [work, kind, message] of table) {
    const fault = await faultOf(work());
    assert.equal(fault.kind, kind, fault.message);
    assert.match(fault.message, message);
    assert.equal(fault.safeToRepeat, false, fault.message);
  }
});

test("a kept-alive connection that the server had closed is safe to repeat, a first one and a late death are not", async () => {
  let served = 0;
  let delayMs = 0;
  const port = await startRaw((socket) => {
    let requests = 0;
    socket.on("data", () => {
      requests += 1;
      served += 1;
      if (requests === 1) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      else setTimeout(() => socket.destroy(), delayMs);
    });
  });
  const origin = `http://127.0.0.1:${port}`;
  const dispatcher = dispatchers().for("a", undefined);
  assert.equal(await get(dispatcher, origin), "ok");
  await idle();
  const stale = await faultOf(get(dispatcher, origin));
  assert.deepEqual(stale, {
    kind: "unreachable",
    message: `127.0.0.1:${port} closed the connection without an answer`,
    safeToRepeat: true,
    mayBeProcessed: false,
  });
  assert.equal(await get(dispatcher, origin), "ok");
  await idle();
  delayMs = 400;
  const late = await faultOf(get(dispatcher, origin));
  assert.deepEqual([late.safeToRepeat, late.mayBeProcessed], [false, true]);
  assert.equal(served, 4);
});

test("an aborted request is distinguished from a fault, a timed-out one too", async () => {
  const silent = await startRaw(() => {});
  const dispatcher = dispatchers().for("a", undefined);
  const ask = (signal: AbortSignal) => request(`http://127.0.0.1:${silent}`, { dispatcher, signal });
  const controller = new AbortController();
  const aborted = faultOf(ask(controller.signal));
  setTimeout(() => controller.abort(), 20);
  assert.equal((await aborted).kind, "aborted");
  const late = await faultOf(ask(AbortSignal.timeout(20)));
  assert.equal(late.kind, "timeout");
  assert.match(late.message, /^127\.0\.0\.1:\d+ did not answer in time$/);
});

test("errors nobody knows are read without throwing", () => {
  for (const error of [
    undefined,
    null,
    "text",
    5,
    {},
    new Error("x"),
    new TypeError("fetch failed", { cause: null }),
  ]) {
    const fault = readNetworkFault(error);
    assert.equal(fault.kind, "unreachable");
    assert.equal(fault.message, "the connection to the provider failed");
    assert.equal(fault.safeToRepeat, false);
  }
  const looped: Error & { cause?: unknown } = new Error("a");
  looped.cause = new Error("b", { cause: looped });
  assert.equal(readNetworkFault(looped).kind, "unreachable");
  const refused = Object.assign(new Error("x"), { code: "ECONNREFUSED", address: "::1", port: 443 });
  const fault = readNetworkFault(new TypeError("fetch failed", { cause: new AggregateError([refused]) }));
  assert.equal(fault.message, "[::1]:443 refused the connection");
});

/** undici takes a connection for reusable a moment after the answer that it carried. */
function idle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

async function startRaw(onSocket: (socket: Socket) => void): Promise<number> {
  const after = (close: unknown) => closeAfterwards(close as () => Promise<unknown>);
  return (await startTcpServer({ after }, onSocket)).port;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
