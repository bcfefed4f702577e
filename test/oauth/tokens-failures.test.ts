// What the token source makes of a refresh that fails: a dead login, a passing failure, a fault of the configuration or proxy.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxySettings } from "../../src/network/proxy.ts";
import { describeLoginFailure } from "../../src/oauth/login-failure.ts";
import type { AuthorizationServer } from "../support/authorization-server.ts";
import { loginAccount, tokenOf } from "../support/login-account.ts";
import { perTest } from "../support/per-test.ts";
import { startConnectProxy } from "../support/proxies.ts";
import { shortOf } from "../support/short-of.ts";
import { until } from "../support/until.ts";
import { eightHours, failureOf, signal, startTokenSources } from "./token-source.ts";

const sources = perTest(startTokenSources);

test("a dead token in a changed file leaves the stored chain as it was", async () => {
  const good = loginAccount(sources.server.issue());
  await sources.createSource().credential(good, signal);
  const kept = { ...sources.store.rows.get("claude-1") };
  const failure = failureOf(
    await sources.createSource().credential(loginAccount("restored-from-a-backup"), signal),
  );
  assert.equal(failure.reason, "refresh-revoked");
  assert.deepEqual(sources.store.rows.get("claude-1"), kept);
  sources.pass(eightHours);
  assert.ok(tokenOf(await sources.createSource().credential(good, signal)));
});

test("a revoked login is reported with its cause and the command that fixes it, and is not asked for again at once", async () => {
  const source = sources.createSource();
  const login = loginAccount("never-issued", { id: "my account" });
  const failure = failureOf(await source.credential(login, signal));
  assert.deepEqual(failure, {
    ok: false,
    reason: "refresh-revoked",
    fact:
      `the Claude login of account my account is refused: 127.0.0.1:${sources.server.port} answered 400 ` +
      "(invalid_grant: Refresh token not found or invalid)",
    fix: { instruction: "to log in again, run:", command: 'cc-relay login claude --id "my account"' },
    until: sources.clock.wall + 60_000,
  });
  for (let round = 0; round < 5; round++) assert.deepEqual(await source.credential(login, signal), failure);
  assert.equal(sources.server.requests.length, 1);
  sources.pass(61_000);
  failureOf(await source.credential(login, signal));
  assert.equal(sources.server.requests.length, 2);
});

test("a revoked login is used again as soon as somebody else stored a new one", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  const first = tokenOf(await source.credential(login, signal));
  sources.server.revoke(first);
  assert.equal(failureOf(await source.refused(login, first, signal)).reason, "refresh-revoked");
  const row = sources.store.rows.get("claude-1")!;
  const fresh = sources.server.issue();
  sources.store.rows.set("claude-1", {
    ...row,
    refreshToken: fresh,
    accessToken: undefined,
    generation: row.generation + 1,
    configuredHash: "x",
  });
  assert.ok(sources.server.accepts(tokenOf(await source.refused(login, first, signal))));
});

test("a login that dies in the background is used as long as its access token lasts", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  const first = tokenOf(await source.credential(login, signal));
  sources.pass(eightHours - 100_000);
  sources.server.faults.push({ kind: "answer", status: 400, body: '{"error":"invalid_grant"}' });
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  await until("the refusal", () => sources.lines.some((line) => line.includes("refresh-revoked")));
  assert.equal(tokenOf(await source.credential(login, signal)), first);
});

test("every passing failure leaves the login alive and is followed by a good refresh", async () => {
  const html = { "content-type": "text/html" };
  const faults: AuthorizationServer["faults"] = [
    { kind: "answer", status: 500, body: "oops" },
    { kind: "answer", status: 503, body: "<html>", headers: html },
    { kind: "answer", status: 403, body: "<html>Just a moment...</html>", headers: html },
    { kind: "answer", status: 200, body: "<html>Airport</html>", headers: html },
    { kind: "answer", status: 307, body: "", headers: { location: "https://evil.example/token" } },
    { kind: "answer", status: 429, body: "{}", headers: { "retry-after": "20" } },
    { kind: "answer", status: 200, body: `{"access_token":"${"x".repeat(1_100_000)}"}` },
    { kind: "hang-up", when: "before" },
  ];
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  await source.credential(login, signal);
  for (const fault of faults) {
    sources.pass(eightHours);
    sources.server.faults.push(fault);
    const failure = failureOf(await source.credential(login, signal));
    const throttled = fault.kind === "answer" && fault.status === 429;
    assert.equal(failure.reason, throttled ? "throttled" : "unreachable", describeLoginFailure(failure));
    assert.equal(
      failure.until,
      sources.clock.wall + (throttled ? 20_000 : 5_000),
      "one failure, then well again: no longer wait",
    );
    sources.pass(20_001);
    assert.ok(sources.server.accepts(tokenOf(await source.credential(login, signal))), JSON.stringify(fault));
  }
  assert.equal(sources.server.killed, 0);
  assert.ok(!sources.lines.some((line) => line.includes("evil.example")));
});

test("while a passing failure is waited out nobody asks, the wait grows to five minutes, and the old token is used", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  const first = tokenOf(await source.credential(login, signal));
  sources.pass(eightHours - 5_000);
  sources.server.requests.length = 0;
  sources.server.faults.push(
    ...Array.from({ length: 20 }, () => ({ kind: "answer", status: 500, body: "" }) as const),
  );
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  assert.equal(sources.server.requests.length, 1);
  sources.pass(5_001);
  const waits: number[] = [];
  for (let round = 0; round < 9; round++) {
    const failure = failureOf(await source.credential(login, signal));
    waits.push(failure.until! - sources.clock.wall);
    assert.deepEqual(await source.credential(login, signal), failure);
    sources.pass(waits.at(-1)! + 1);
  }
  assert.deepEqual(waits, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000, 300_000]);
  assert.equal(sources.server.requests.length, 10);
});

test("a server that nobody reached is asked again after at most thirty seconds", async () => {
  const source = sources.createSource({ tokenUrl: () => "http://127.0.0.1:1/token" });
  const waits: number[] = [];
  for (let round = 0; round < 5; round++) {
    const failure = failureOf(await source.credential(loginAccount("r"), signal));
    assert.equal(failure.reason, "unreachable");
    assert.match(
      describeLoginFailure(failure),
      /127\.0\.0\.1:1 refused the connection; it is tried again at 2026-11-22T/,
    );
    waits.push(failure.until! - sources.clock.wall);
    sources.pass(waits.at(-1)! + 1);
  }
  assert.deepEqual(waits, [5_000, 10_000, 20_000, 30_000, 30_000]);
});

test("an endpoint that does not take our request is the configuration's fault and named so", async () => {
  for (const body of ['{"error":"invalid_client"}', "<html>"]) {
    const source = sources.createSource();
    sources.server.faults.push({ kind: "answer", status: body.startsWith("{") ? 401 : 404, body });
    const failure = failureOf(
      await source.credential(loginAccount(sources.server.issue(), { id: body.slice(2, 5) }), signal),
    );
    assert.equal(failure.reason, "refresh-rejected");
    assert.match(
      describeLoginFailure(failure),
      /check \[oauth\.claude\] in the configuration, or remove it$/,
    );
  }
});

test("a proxy or an endpoint that was fixed in the configuration is asked at once", async () => {
  let tokenUrl = "http://127.0.0.1:1/token";
  const source = sources.createSource({ tokenUrl: () => tokenUrl });
  const login = loginAccount(sources.server.issue());
  const proxy = { type: "http", host: "127.0.0.1", port: 1 } as const;
  assert.equal(failureOf(await source.credential({ ...login, proxy }, signal)).reason, "proxy");
  assert.equal(failureOf(await source.credential(login, signal)).reason, "unreachable");
  tokenUrl = `${sources.server.url}/token`;
  assert.ok(sources.server.accepts(tokenOf(await source.credential(login, signal))));
});

test("a refresh that cannot be dialled for want of descriptors is tried again after two seconds", async () => {
  let isShort = true;
  const source = sources.createSource({
    dispatcherFor: (account) =>
      isShort ? shortOf("EMFILE") : sources.dispatchers.for(account.id, account.proxy),
  });
  const login = loginAccount(sources.server.issue());
  const failure = failureOf(await source.credential(login, signal));
  assert.equal(failure.reason, "shortage");
  assert.match(failure.fact, /this machine is short of file descriptors \(EMFILE\)/);
  isShort = false;
  assert.equal(failureOf(await source.credential(login, signal)).reason, "shortage");
  sources.pass(2001);
  assert.ok(sources.server.accepts(tokenOf(await source.credential(login, signal))));
});

test("plain http is refused for anything but loopback", async () => {
  const source = sources.createSource({ tokenUrl: () => "http://platform.example/token" });
  const failure = failureOf(await source.credential(loginAccount("r"), signal));
  assert.equal(failure.reason, "refresh-rejected");
  assert.match(describeLoginFailure(failure), /platform\.example is to be spoken to by https/);
});

test("refreshes go through the account's proxy, and its faults say nothing about the login", async () => {
  const proxy = await startConnectProxy({ username: "u", password: "right" });
  const direct = sources.server.connections;
  const settings = (password: string): ProxySettings => ({
    type: "http",
    host: "127.0.0.1",
    port: proxy.port,
    username: "u",
    password,
  });
  const login = loginAccount(sources.server.issue(), { proxy: settings("wrong") });
  const source = sources.createSource();
  const failure = failureOf(await source.credential(login, signal));
  assert.equal(failure.reason, "proxy");
  assert.match(describeLoginFailure(failure), /refused the user name or password/);
  assert.doesNotMatch(describeLoginFailure(failure), /wrong/);
  assert.equal(sources.server.connections, direct);
  sources.pass(5_001);
  assert.ok(tokenOf(await source.credential({ ...login, proxy: settings("right") }, signal)));
  assert.deepEqual(proxy.targets, [`127.0.0.1:${sources.server.port}`]);
  assert.equal(sources.server.connections, direct + 1);
  assert.equal(sources.store.rows.get("claude-1")?.exchangeHash, undefined);
  await proxy.close();
});
