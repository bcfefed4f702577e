// How the token source stores what a refresh brought: the pair, the lock, a full disk, an interrupted refresh, its own close.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { describeLoginFailure } from "../../src/oauth/login-failure.ts";
import { hashToken } from "../../src/oauth/refresh.ts";
import { loginAccount, tokenOf } from "../support/login-account.ts";
import { perTest } from "../support/per-test.ts";
import { until } from "../support/until.ts";
import { eightHours, failureOf, signal, startTokenSources } from "./token-source.ts";

const sources = perTest(startTokenSources);

test("an answer whose pair arrived is kept although the connection then breaks or never ends", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  await source.credential(login, signal);
  for (const fault of [{ kind: "endless" }, { kind: "cut", bytes: 100_000 }] as const) {
    sources.pass(eightHours);
    sources.server.faults.push(fault);
    assert.ok(sources.server.accepts(tokenOf(await source.credential(login, signal))));
  }
  assert.equal(sources.server.killed, 0);
});

test("a pair whose refresh token came with a useless access token is stored all the same", async () => {
  const lies: ((answer: Record<string, unknown>) => unknown)[] = [
    (answer) => ({ ...answer, expires_in: undefined }),
    (answer) => ({ ...answer, token_type: "mac" }),
    (answer) => ({ ...answer, access_token: "a\r\nx: y" }),
  ];
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  for (const change of lies) {
    sources.server.faults.push({ kind: "lie", change });
    const failure = failureOf(await source.credential(login, signal));
    assert.equal(failure.reason, "unreachable");
    assert.ok(sources.server.isLive(sources.store.rows.get("claude-1")!.refreshToken));
    sources.pass(300_001);
  }
  assert.ok(tokenOf(await source.credential(login, signal)));
  assert.equal(sources.server.killed, 0);
});

test("an answer lost after the rotation leaves a mark that explains the dead login afterwards", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  const begunAt = new Date(sources.clock.wall).toISOString();
  sources.server.faults.push({ kind: "cut", bytes: 30 });
  assert.equal(failureOf(await source.credential(login, signal)).reason, "unreachable");
  assert.equal(sources.store.rows.get("claude-1")?.exchangeHash, hashToken(login.secret));
  sources.pass(60_000);
  const failure = failureOf(await sources.createSource().credential(login, signal));
  assert.equal(failure.reason, "refresh-revoked");
  assert.ok(
    describeLoginFailure(failure).includes(
      `a refresh begun at ${begunAt} was interrupted before its answer could be kept`,
    ),
  );
  assert.ok(sources.lines.some((line) => line.includes("an earlier refresh of this login was interrupted")));
  assert.equal(sources.store.rows.get("claude-1")?.exchangeHash, undefined);
});

test("a failure whose outcome is known leaves no mark", async () => {
  const source = sources.createSource();
  for (const [id, fault] of [
    ["a", { kind: "answer", status: 500, body: "" }],
    ["b", { kind: "answer", status: 400, body: '{"error":"invalid_grant"}' }],
  ] as const) {
    sources.server.faults.push(fault);
    failureOf(await source.credential(loginAccount(sources.server.issue(), { id }), signal));
    assert.equal(sources.store.rows.get(id)?.exchangeHash, undefined);
  }
});

test("a disk that takes no writes keeps the pair in memory and the lock held, and is written when it can be", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  await source.credential(login, signal);
  const stored = { ...sources.store.rows.get("claude-1")! };
  sources.pass(eightHours);
  sources.store.writeError = Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
  const second = tokenOf(await source.credential(login, signal));
  assert.ok(sources.server.accepts(second));
  assert.deepEqual(sources.store.rows.get("claude-1"), stored);
  assert.ok(
    sources.lines.some((line) =>
      line.includes("it is kept in memory and written as soon as the disk takes it"),
    ),
  );
  assert.ok(sources.store.isLocked("claude-1"), "another process would spend the spent token");

  sources.pass(eightHours);
  const third = tokenOf(await source.credential(login, signal));
  assert.ok(sources.server.accepts(third));
  sources.store.writeError = undefined;
  await until("the pair is written", () => sources.store.rows.get("claude-1")?.accessToken === third);
  assert.ok(sources.server.isLive(sources.store.rows.get("claude-1")!.refreshToken));
  await until("the lock is free", () => !sources.store.isLocked("claude-1"));
  assert.equal(sources.server.killed, 0);
  sources.pass(eightHours);
  assert.ok(tokenOf(await sources.createSource().credential(login, signal)));
});

test("close tries once more to write the pair, and says so when it is lost", async () => {
  for (const recovers of [true, false]) {
    const source = sources.createSource();
    const login = loginAccount(sources.server.issue(), { id: `recovers-${recovers}` });
    sources.store.writeError = new Error("disk is full");
    tokenOf(await source.credential(login, signal));
    if (recovers) sources.store.writeError = undefined;
    await source.close();
    sources.store.writeError = undefined;
    assert.equal(sources.store.rows.has(login.id), recovers);
    assert.equal(
      sources.lines.some((line) => line.includes("ends with this process")),
      !recovers,
    );
  }
});

test("with a full disk nothing is exchanged in the background", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  const first = tokenOf(await source.credential(login, signal));
  sources.pass(eightHours - 60_000);
  sources.store.writeError = new Error("disk is full");
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  await until("the delay", () => sources.lines.some((line) => line.includes("a login is refreshed later")));
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  assert.equal(sources.server.requests.length, 1);
});

test("a lock that cannot be made does not stop a refresh that cannot wait", async () => {
  const source = sources.createSource();
  sources.store.lockError = new Error("no space left on device");
  assert.ok(tokenOf(await source.credential(loginAccount(sources.server.issue()), signal)));
  assert.ok(sources.lines.some((line) => line.includes("it is refreshed without")));
});

test("a pair refreshed without the lock is written later all the same", async () => {
  const source = sources.createSource();
  sources.store.lockError = new Error("no space left on device");
  sources.store.writeError = new Error("no space left on device");
  const token = tokenOf(await source.credential(loginAccount(sources.server.issue()), signal));
  sources.store.writeError = undefined;
  await until("the pair is written", () => sources.store.rows.get("claude-1")?.accessToken === token);
});

test("close does not wait for a lock that another process holds", async () => {
  const source = sources.createSource();
  const release = Promise.withResolvers<void>();
  const holding = sources.store.withLock("claude-1", () => release.promise);
  const waiting = source.credential(loginAccount(sources.server.issue()), signal);
  await sleep(10);
  const closed = source.close();
  assert.match(describeLoginFailure(failureOf(await waiting)), /another cc-relay process is refreshing it/);
  await closed;
  release.resolve();
  await holding;
  assert.equal(sources.server.requests.length, 0);
});

test("close waits for a refresh under way", async () => {
  const source = sources.createSource();
  sources.server.faults.push({ kind: "delay", ms: 80 });
  const login = loginAccount(sources.server.issue());
  void source.credential(login, signal);
  await until("the request", () => sources.server.requests[0]);
  await source.close();
  assert.ok(sources.server.isLive(sources.store.rows.get("claude-1")!.refreshToken));
  assert.notEqual(sources.store.rows.get("claude-1")!.refreshToken, login.secret);
});

test("a row replaced during the exchange is left alone: its login is used", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  await source.credential(login, signal);
  sources.pass(eightHours);
  sources.server.faults.push({ kind: "delay", ms: 60 });
  const pending = source.credential(login, signal);
  await until("the second request", () => sources.server.requests[1]);
  const theirs = {
    ...sources.store.rows.get("claude-1")!,
    accessToken: "theirs",
    refreshToken: "r",
    generation: 9,
    updatedAt: sources.clock.wall,
    expiresAt: sources.clock.wall + 3_600_000,
  };
  sources.store.rows.set("claude-1", theirs);
  assert.equal(tokenOf(await pending), "theirs");
  assert.deepEqual(sources.store.rows.get("claude-1"), theirs);
});
