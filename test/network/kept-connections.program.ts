// What a request costs in handshakes after a silence: connections and TLS sessions that are kept.

import assert from "node:assert/strict";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { request } from "undici";
import { createDispatchers } from "../../src/network/dispatchers.ts";
import { readNetworkFault } from "../../src/network/faults.ts";
import { makeCertificate } from "../support/certificate.ts";
import { until } from "../support/until.ts";

const certificate = makeCertificate(["localhost"]);

async function setUp(t: TestContext) {
  const resumed: boolean[] = [];
  const open = new Set<TLSSocket>();
  const waiting: (() => void)[] = [];
  let isHeld = false;
  let isBroken = false;
  const server = https.createServer({ ...certificate, keepAliveTimeout: 0 }, (_, response) => {
    const answer = () => response.end("hello");
    if (isBroken) response.destroy();
    else if (isHeld) waiting.push(answer);
    else answer();
  });
  server.on("secureConnection", (socket) => {
    resumed.push(socket.isSessionReused());
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const dispatchers = createDispatchers({ connectTimeoutMs: 5000, ca: certificate.cert });
  t.after(async () => {
    await dispatchers.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  return {
    resumed,
    open,
    async ask(account = "a") {
      const answer = await request(origin, { dispatcher: dispatchers.for(account, undefined) });
      return await answer.body.text();
    },
    openAhead: (account: string) => dispatchers.openAhead(account, undefined, origin),
    breakOff() {
      isBroken = true;
    },
    async askAtOnce(count: number) {
      isHeld = true;
      const answers = Array.from({ length: count }, () => this.ask());
      await settle(() => waiting.length === count);
      for (const answer of waiting) answer();
      isHeld = false;
      await Promise.all(answers);
    },
  };
}

/** Turns of the real loop, since the timers are mocked. */
async function settle(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 50_000 && !done(); turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A connection is idle some turns after its answer. */
async function turns(): Promise<void> {
  let left = 20;
  await settle(() => left-- === 0);
}

test("after ten minutes of silence a request finds its connection open; after eleven it is closed", async (t) => {
  const { ask, resumed, open } = await setUp(t);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await ask();
  await turns();
  t.mock.timers.tick(10 * 60_000);
  await ask();
  await turns();
  assert.deepEqual(resumed, [false]);
  t.mock.timers.tick(11 * 60_000 + 1000);
  await settle(() => open.size === 0);
  assert.equal(open.size, 0);
});

test("of the connections that a burst has opened eight are kept", async (t) => {
  const one = await setUp(t);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await one.askAtOnce(12);
  assert.equal(one.open.size, 12);
  await turns();
  t.mock.timers.tick(31_000);
  await settle(() => one.open.size <= 8);
  assert.equal(one.open.size, 8);
});

test("a new connection resumes the TLS session of the one before, whatever was collected meanwhile", async (t) => {
  const { ask, resumed, open } = await setUp(t);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let turn = 0; turn < 2; turn++) {
    await ask();
    await turns();
  }
  collect();
  for (const socket of open) socket.end();
  for (let round = 0; round < 3; round++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until("another one is open", () => resumed.length === 2);
  assert.deepEqual(resumed, [false, true]);
});

test("the last connection is replaced when its provider closes it, and the next request takes that one", async (t) => {
  const { ask, resumed, open } = await setUp(t);
  await ask();
  await turns();
  await ask();
  await turns();
  for (const socket of open) socket.end();
  await until("another one is open", () => resumed.length === 2 && open.size === 1);
  await turns();
  assert.equal(await ask(), "hello");
  await turns();
  assert.equal(await ask(), "hello");
  assert.deepEqual(resumed, [false, true]);
});

test("an account that has not been asked yet finds the connection that was opened ahead, and has one of them", async (t) => {
  const { ask, openAhead, resumed, open } = await setUp(t);
  openAhead("b");
  openAhead("b");
  await until("it is open", () => open.size === 1);
  await turns();
  assert.equal(await ask("b"), "hello");
  openAhead("b");
  await turns();
  assert.equal(resumed.length, 1);
});

test("a connection that was opened ahead may have been closed meanwhile: what fails over it at once is safe to repeat", async (t) => {
  const { ask, openAhead, open, breakOff } = await setUp(t);
  breakOff();
  const isSafe = async () => (await ask().then(() => undefined, readNetworkFault))?.safeToRepeat;
  openAhead("a");
  await until("it is open", () => open.size === 1);
  await turns();
  assert.deepEqual([await isSafe(), await isSafe()], [true, false]);
});
