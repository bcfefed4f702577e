import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { LoginToken } from "../../src/oauth/tokens.ts";
import { loginAccount, tokenOf } from "../support/login-account.ts";
import { until } from "../support/until.ts";
import {
  complaints,
  eightHours,
  isRunning,
  type Refreshes,
  type SeenProcess,
  startRefreshes,
} from "./refreshes.ts";

const signal = new AbortController().signal;
let its: Refreshes;

beforeEach(async () => {
  its = await startRefreshes();
});

afterEach(() => its.close());

test("kill -9 of a relay's whole group between the rotation and its answer loses nothing, and the next relay waits for it", async () => {
  const secret = its.server.issue();
  const first = await its.startRelay(secret);
  its.server.faults.push({ kind: "delay", ms: 700 });
  first.child.stdin!.write("credential\n");
  await until("the server has the request", () => its.server.requests[0]);
  assert.ok(!its.server.isLive(secret), "it has rotated");
  process.kill(-first.child.pid!, "SIGKILL");

  const second = await its.startRelay(secret);
  const result = await second.ask<LoginToken>("credential");
  assert.ok(its.server.accepts(tokenOf(result)));
  assert.equal(its.server.requests.length, 1, "the answer to the first request was kept");
  assert.equal((await its.store.tokens.load("claude-1"))?.exchangeHash, undefined);
  second.child.stdin!.end();
});

test("a relay that is killed before its refresh has begun leaves nothing running", async () => {
  const secret = its.server.issue();
  const held = Promise.withResolvers<void>();
  const holding = its.store.tokens.withLock("claude-1", () => held.promise);
  const witness = await its.createWitness();
  const relay = await its.startRelay(secret, witness.script);
  relay.child.stdin!.write("credential\n");
  await until("the process that is to refresh it runs", async () => (await witness.seen()).length > 0);
  // On most machines it then waits for the lock; whatever it is at, it stops.
  await sleep(300);
  relay.child.kill("SIGKILL");
  await until("it has ended", async () => (await witness.ended()) === 1);
  held.resolve();
  await holding;
  assert.equal(its.server.requests.length, 0);
  assert.ok(its.server.isLive(secret));
});

test("signals that end a relay do not end a refresh", async () => {
  const witness = await its.createWitness();
  const source = its.createSource({ script: witness.script });
  its.server.faults.push({ kind: "delay", ms: 200 });
  const result = source.credential(loginAccount(its.server.issue()), signal);
  await until("the server has the request", () => its.server.requests[0]);
  const [{ pid }] = (await witness.seen()) as [SeenProcess];
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.kill(pid, name);
  assert.ok(its.server.accepts(tokenOf(await result)));
  assert.deepEqual(complaints(its.lines), []);
});

test("closing waits for a refresh under way", async () => {
  const source = its.createSource();
  const login = loginAccount(its.server.issue());
  its.server.faults.push({ kind: "delay", ms: 200 });
  const result = source.credential(login, signal);
  await until("the server has the request", () => its.server.requests[0]);
  await source.close();
  assert.ok(its.server.accepts(tokenOf(await result)));
  assert.ok(its.server.isLive((await its.store.tokens.load("claude-1"))?.refreshToken ?? ""));
});

test("a pair that no disk takes is kept by the process, used, refreshed, and written when it can be", async () => {
  const witness = await its.createWitness();
  const source = its.createSource({ script: witness.script });
  const login = loginAccount(its.server.issue());
  const first = tokenOf(await source.credential(login, signal));
  its.pass(eightHours);
  its.server.faults.push({ kind: "delay", ms: 100 });
  const pending = source.credential(login, signal);
  await until("the server has the second request", () => its.server.requests[1]);
  const unblock = its.blockWrites();
  const second = tokenOf(await pending);
  assert.ok(its.server.accepts(second));
  assert.equal((await its.store.tokens.load(login.id))?.accessToken, first);
  assert.ok(complaints(its.lines).some((line) => line.includes("it is kept in memory")));

  its.pass(eightHours);
  const third = tokenOf(await source.credential(login, signal));
  assert.ok(its.server.accepts(third));
  assert.equal((await witness.seen()).length, 2, "the process that keeps the pair has refreshed it");
  unblock();
  const row = await until("the newest pair is on the disk", async () => {
    const found = await its.store.tokens.load(login.id);
    return found?.accessToken === third && found;
  });
  assert.ok(its.server.isLive(row.refreshToken));
  const [, keeper] = await witness.seen();
  await until("the process ends", () => !isRunning(keeper!.pid));
  its.pass(eightHours);
  assert.ok(its.server.accepts(tokenOf(await source.credential(login, signal))));
  assert.equal(its.server.killed, 0);
});

test("a pair outlives the relay while no disk takes it, and the process that kept it while the relay lives", async () => {
  for (const dies of ["relay", "process"] as const) {
    const witness = await its.createWitness();
    const source = its.createSource({ script: witness.script });
    const login = loginAccount(its.server.issue(), { id: dies });
    its.server.faults.push({ kind: "delay", ms: 100 });
    const asked = its.server.requests.length;
    const pending = source.credential(login, signal);
    await until("the server has the request", () => its.server.requests[asked]);
    const unblock = its.blockWrites();
    const token = tokenOf(await pending);
    const { pid } = (await witness.seen()).at(-1)!;
    if (dies === "relay") await source.close();
    else process.kill(pid, "SIGKILL");
    await until(`only the ${dies} has ended`, () => isRunning(pid) === (dies === "relay"));
    unblock();
    await until("the pair is on the disk", async () => {
      return (await its.store.tokens.load(login.id))?.accessToken === token;
    });
    await until("the process ends", () => !isRunning(pid));
  }
  assert.equal(its.server.killed, 0);
});
