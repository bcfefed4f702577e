import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TokenStore } from "../../src/domain/token-store.ts";
import { createDispatchers, type Dispatchers } from "../../src/network/dispatchers.ts";
import type { ProxySettings } from "../../src/network/proxy.ts";
import { describeLoginFailure } from "../../src/oauth/login-failure.ts";
import { hashToken } from "../../src/oauth/refresh.ts";
import { createTokenSource, type LoginToken, type TokenSource } from "../../src/oauth/tokens.ts";
import { createLog, type Log } from "../../src/telemetry/log.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { loginAccount, tokenOf } from "../support/login-account.ts";
import { createMemoryTokens, type MemoryTokens } from "../support/memory-tokens.ts";
import { startConnectProxy } from "../support/proxies.ts";
import { shortOf } from "../support/short-of.ts";
import { until } from "../support/until.ts";

const signal = new AbortController().signal;

let server: AuthorizationServer;
let store: MemoryTokens;
let dispatchers: Dispatchers;
let lines: string[];
let log: Log;
let wall: number;
let mono: number;
const sources: TokenSource[] = [];

beforeEach(async () => {
  server = await startAuthorizationServer();
  store = createMemoryTokens();
  dispatchers = createDispatchers({ connectTimeoutMs: 1000 });
  lines = [];
  log = createLog({ level: "debug", pretty: false, destination: { write: (line) => lines.push(line) } });
  wall = Date.parse("2026-11-22T12:00:00Z");
  mono = 0;
});

afterEach(async () => {
  await Promise.all(sources.splice(0).map((source) => source.close()));
  await dispatchers.close();
  await server.close();
});

function pass(ms: number): void {
  wall += ms;
  mono += ms;
}

function createSource(tokens: TokenStore = store, tokenUrl = `${server.url}/token`): TokenSource {
  const source = createTokenSource({
    tokens,
    dispatcherFor: (account) => dispatchers.for(account.id, account.proxy),
    config: () => ({ claude: { tokenUrl }, gemini: { tokenUrl } }),
    clock: { now: () => wall, monotonic: () => mono },
    log,
  });
  sources.push(source);
  return source;
}

function failureOf(result: LoginToken) {
  assert.ok(!result.ok, "a failure was expected");
  return result;
}

const eightHours = 8 * 3_600_000;

test("the first credential exchanges the configured token and stores the pair before anybody has it", async () => {
  const configured = server.issue();
  const result = await createSource().credential(loginAccount(configured), signal);
  const token = tokenOf(result);
  assert.ok(server.accepts(token));
  const row = store.rows.get("claude-1");
  assert.deepEqual(row && { ...row, refreshToken: "" }, {
    accountId: "claude-1",
    configuredHash: hashToken(configured),
    refreshToken: "",
    accessToken: token,
    expiresAt: wall + eightHours,
    extras: undefined,
    generation: 1,
    updatedAt: wall,
    exchangeHash: undefined,
    exchangeAt: undefined,
  });
  assert.ok(server.isLive(row!.refreshToken));
  assert.equal(result.ok && result.generation, 1);
});

test("the refresh request is what Anthropic's own SDK sends, without the name of another program", async () => {
  const configured = server.issue();
  await createSource().credential(loginAccount(configured), signal);
  const [request] = server.requests;
  assert.deepEqual(request?.parameters, {
    grant_type: "refresh_token",
    refresh_token: configured,
    client_id: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
  });
  assert.equal(request?.headers["content-type"], "application/json");
  assert.equal(request?.headers["anthropic-beta"], "oauth-2025-04-20");
  assert.equal(request?.headers["user-agent"], "cc-relay");
});

test("200 parallel requests at expiry cause one refresh", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  await source.credential(login, signal);
  for (let round = 0; round < 3; round++) {
    pass(eightHours);
    server.requests.length = 0;
    server.faults.push({ kind: "delay", ms: 30 });
    const results = await Promise.all(Array.from({ length: 200 }, () => source.credential(login, signal)));
    assert.equal(new Set(results.map(tokenOf)).size, 1);
    assert.equal(server.requests.length, 1);
  }
  assert.equal(server.killed, 0);
});

test("a token is refreshed in the background while the old one is handed out, and waited for at its end", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  const first = tokenOf(await source.credential(login, signal));
  pass(eightHours - 121_000);
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  await sleep(30);
  assert.equal(server.requests.length, 1);

  pass(2_000);
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  const second = await until("a second token", async () => {
    const token = tokenOf(await source.credential(login, signal));
    return token === first ? undefined : token;
  });
  assert.equal(server.requests.length, 2);

  pass(eightHours - 9_000);
  const third = tokenOf(await source.credential(login, signal));
  assert.notEqual(third, second);
  assert.equal(server.requests.length, 3);
});

test("a caller that stops waiting ends neither the refresh nor the others' waiting", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  server.faults.push({ kind: "delay", ms: 60 });
  const impatient = new AbortController();
  const given = source.credential(login, impatient.signal);
  const patient = source.credential(login, signal);
  setTimeout(() => impatient.abort(), 10);
  assert.equal(failureOf(await given).reason, "aborted");
  assert.ok(server.accepts(tokenOf(await patient)));
  pass(eightHours);
  assert.equal(failureOf(await source.credential(login, AbortSignal.abort())).reason, "aborted");
});

test("a 401 refreshes once for all who got it, and a token that was replaced already is not refreshed again", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  const first = tokenOf(await source.credential(login, signal));
  const results = await Promise.all(Array.from({ length: 50 }, () => source.refused(login, first, signal)));
  const second = new Set(results.map(tokenOf));
  assert.equal(second.size, 1);
  assert.equal(server.requests.length, 2);
  pass(30_000);
  assert.equal(tokenOf(await source.refused(login, first, signal)), [...second][0]);
  assert.equal(server.requests.length, 2);
});

test("a token that is refused right after it was refreshed for that reason is not refreshed for ever", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  const first = tokenOf(await source.credential(login, signal));
  const second = tokenOf(await source.refused(login, first, signal));
  const failure = failureOf(await source.refused(login, second, signal));
  assert.equal(failure.reason, "token-refused");
  assert.match(describeLoginFailure(failure), /to log in again, run: cc-relay login claude --id claude-1$/);
  assert.equal(server.requests.length, 2);
  pass(61_000);
  assert.ok(tokenOf(await source.refused(login, second, signal)));
});

test("two sources on one store refresh once between them, and each takes what the other stored", async () => {
  const login = loginAccount(server.issue());
  const [one, two] = [createSource(), createSource()];
  const results = await Promise.all(
    [one, two].flatMap((s) => Array.from({ length: 20 }, () => s.credential(login, signal))),
  );
  assert.equal(new Set(results.map(tokenOf)).size, 1);
  assert.equal(server.requests.length, 1);
  const first = tokenOf(results[0]!);
  const second = tokenOf(await one.refused(login, first, signal));
  assert.equal(tokenOf(await two.refused(login, first, signal)), second);
  assert.equal(server.requests.length, 2);
  assert.equal(server.killed, 0);
});

test("after a restart the stored pair is used, not the spent token of the configuration", async () => {
  const login = loginAccount(server.issue());
  const token = tokenOf(await createSource().credential(login, signal));
  assert.equal(tokenOf(await createSource().credential(login, signal)), token);
  assert.equal(server.requests.length, 1);
  pass(eightHours);
  assert.ok(server.accepts(tokenOf(await createSource().credential(login, signal))));
  assert.equal(server.killed, 0);
});

test("a token that a person put into the file wins over the stored chain, in a new process and after a reload", async () => {
  const old = loginAccount(server.issue());
  const source = createSource();
  await source.credential(old, signal);
  const fresh = loginAccount(server.issue());
  assert.ok(server.accepts(tokenOf(await source.credential(fresh, signal))));
  assert.equal(server.requests.at(-1)?.parameters.refresh_token, fresh.secret);
  assert.equal(store.rows.get("claude-1")?.configuredHash, hashToken(fresh.secret));
  // A request that began before the reload still asks with the old account: it gets the new chain, nothing is spent twice.
  pass(eightHours);
  assert.ok(server.accepts(tokenOf(await source.credential(old, signal))));
  assert.equal(server.killed, 0);
  assert.ok(server.isLive(store.rows.get("claude-1")!.refreshToken));
});

test("an account that is renamed keeps its login, two that change places keep theirs", async () => {
  const secrets = { a: server.issue("a"), b: server.issue("b") };
  for (const [id, secret] of Object.entries(secrets)) {
    await createSource().credential(loginAccount(secret, { id }), signal);
  }
  const renamed = [
    loginAccount(secrets.a, { id: "work" }),
    loginAccount(secrets.a, { id: "b" }),
    loginAccount(secrets.b, { id: "a" }),
    loginAccount(secrets.b, { id: "c" }),
  ];
  for (const login of renamed) {
    assert.ok(server.accepts(tokenOf(await createSource().credential(login, signal))));
    pass(eightHours);
    const token = tokenOf(await createSource().credential(login, signal));
    assert.match(token, login.secret === secrets.a ? /-a-/ : /-b-/);
  }
  assert.equal(server.killed, 0);
});

test("a dead token in a changed file leaves the stored chain as it was", async () => {
  const good = loginAccount(server.issue());
  await createSource().credential(good, signal);
  const kept = { ...store.rows.get("claude-1") };
  const failure = failureOf(await createSource().credential(loginAccount("restored-from-a-backup"), signal));
  assert.equal(failure.reason, "refresh-revoked");
  assert.deepEqual(store.rows.get("claude-1"), kept);
  pass(eightHours);
  assert.ok(tokenOf(await createSource().credential(good, signal)));
});

test("a revoked login is reported with its cause and the command that fixes it, and is not asked for again at once", async () => {
  const source = createSource();
  const login = loginAccount("never-issued", { id: "my account" });
  const failure = failureOf(await source.credential(login, signal));
  assert.deepEqual(failure, {
    ok: false,
    reason: "refresh-revoked",
    fact:
      `the Claude login of account my account is refused: 127.0.0.1:${server.port} answered 400 ` +
      "(invalid_grant: Refresh token not found or invalid)",
    fix: { instruction: "to log in again, run:", command: 'cc-relay login claude --id "my account"' },
    until: wall + 60_000,
  });
  for (let round = 0; round < 5; round++) assert.deepEqual(await source.credential(login, signal), failure);
  assert.equal(server.requests.length, 1);
  pass(61_000);
  failureOf(await source.credential(login, signal));
  assert.equal(server.requests.length, 2);
});

test("a revoked login is used again as soon as somebody else stored a new one", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  const first = tokenOf(await source.credential(login, signal));
  server.revoke(first);
  assert.equal(failureOf(await source.refused(login, first, signal)).reason, "refresh-revoked");
  const row = store.rows.get("claude-1")!;
  const fresh = server.issue();
  store.rows.set("claude-1", {
    ...row,
    refreshToken: fresh,
    accessToken: undefined,
    generation: row.generation + 1,
    configuredHash: "x",
  });
  assert.ok(server.accepts(tokenOf(await source.refused(login, first, signal))));
});

test("a login that dies in the background is used as long as its access token lasts", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  const first = tokenOf(await source.credential(login, signal));
  pass(eightHours - 100_000);
  server.faults.push({ kind: "answer", status: 400, body: '{"error":"invalid_grant"}' });
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  await until("the refusal", () => lines.some((line) => line.includes("refresh-revoked")));
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
  const source = createSource();
  const login = loginAccount(server.issue());
  await source.credential(login, signal);
  for (const fault of faults) {
    pass(eightHours);
    server.faults.push(fault);
    const failure = failureOf(await source.credential(login, signal));
    const throttled = fault.kind === "answer" && fault.status === 429;
    assert.equal(failure.reason, throttled ? "throttled" : "unreachable", describeLoginFailure(failure));
    assert.equal(
      failure.until,
      wall + (throttled ? 20_000 : 5_000),
      "one failure, then well again: no longer wait",
    );
    pass(20_001);
    assert.ok(server.accepts(tokenOf(await source.credential(login, signal))), JSON.stringify(fault));
  }
  assert.equal(server.killed, 0);
  assert.ok(!lines.some((line) => line.includes("evil.example")));
});

test("while a passing failure is waited out nobody asks, the wait grows to five minutes, and the old token is used", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  const first = tokenOf(await source.credential(login, signal));
  pass(eightHours - 5_000);
  server.requests.length = 0;
  server.faults.push(
    ...Array.from({ length: 20 }, () => ({ kind: "answer", status: 500, body: "" }) as const),
  );
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  assert.equal(server.requests.length, 1);
  pass(5_001);
  const waits: number[] = [];
  for (let round = 0; round < 9; round++) {
    const failure = failureOf(await source.credential(login, signal));
    waits.push(failure.until! - wall);
    assert.deepEqual(await source.credential(login, signal), failure);
    pass(waits.at(-1)! + 1);
  }
  assert.deepEqual(waits, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000, 300_000]);
  assert.equal(server.requests.length, 10);
});

test("a server that nobody reached is asked again after at most thirty seconds", async () => {
  const source = createSource(store, "http://127.0.0.1:1/token");
  const waits: number[] = [];
  for (let round = 0; round < 5; round++) {
    const failure = failureOf(await source.credential(loginAccount("r"), signal));
    assert.equal(failure.reason, "unreachable");
    assert.match(
      describeLoginFailure(failure),
      /127\.0\.0\.1:1 refused the connection; it is tried again at 2026-11-22T/,
    );
    waits.push(failure.until! - wall);
    pass(waits.at(-1)! + 1);
  }
  assert.deepEqual(waits, [5_000, 10_000, 20_000, 30_000, 30_000]);
});

test("an endpoint that does not take our request is the configuration's fault and named so", async () => {
  for (const body of ['{"error":"invalid_client"}', "<html>"]) {
    const source = createSource();
    server.faults.push({ kind: "answer", status: body.startsWith("{") ? 401 : 404, body });
    const failure = failureOf(
      await source.credential(loginAccount(server.issue(), { id: body.slice(2, 5) }), signal),
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
  const source = createTokenSource({
    tokens: store,
    dispatcherFor: (account) => dispatchers.for(account.id, account.proxy),
    config: () => ({ claude: { tokenUrl }, gemini: {} }),
    clock: { now: () => wall, monotonic: () => mono },
    log,
  });
  sources.push(source);
  const login = loginAccount(server.issue());
  const proxy = { type: "http", host: "127.0.0.1", port: 1 } as const;
  assert.equal(failureOf(await source.credential({ ...login, proxy }, signal)).reason, "proxy");
  assert.equal(failureOf(await source.credential(login, signal)).reason, "unreachable");
  tokenUrl = `${server.url}/token`;
  assert.ok(server.accepts(tokenOf(await source.credential(login, signal))));
});

test("a refresh that cannot be dialled for want of descriptors is tried again after two seconds", async () => {
  const tokenUrl = `${server.url}/token`;
  let isShort = true;
  const source = createTokenSource({
    tokens: store,
    dispatcherFor: (account) => (isShort ? shortOf("EMFILE") : dispatchers.for(account.id, account.proxy)),
    config: () => ({ claude: { tokenUrl }, gemini: {} }),
    clock: { now: () => wall, monotonic: () => mono },
    log,
  });
  sources.push(source);
  const login = loginAccount(server.issue());
  const failure = failureOf(await source.credential(login, signal));
  assert.equal(failure.reason, "shortage");
  assert.match(failure.fact, /this machine is short of file descriptors \(EMFILE\)/);
  isShort = false;
  assert.equal(failureOf(await source.credential(login, signal)).reason, "shortage");
  pass(2001);
  assert.ok(server.accepts(tokenOf(await source.credential(login, signal))));
});

test("plain http is refused for anything but loopback", async () => {
  const source = createSource(store, "http://platform.example/token");
  const failure = failureOf(await source.credential(loginAccount("r"), signal));
  assert.equal(failure.reason, "refresh-rejected");
  assert.match(describeLoginFailure(failure), /platform\.example is to be spoken to by https/);
});

test("an answer whose pair arrived is kept although the connection then breaks or never ends", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  await source.credential(login, signal);
  for (const fault of [{ kind: "endless" }, { kind: "cut", bytes: 100_000 }] as const) {
    pass(eightHours);
    server.faults.push(fault);
    assert.ok(server.accepts(tokenOf(await source.credential(login, signal))));
  }
  assert.equal(server.killed, 0);
});

test("a pair whose refresh token came with a useless access token is stored all the same", async () => {
  const lies: ((answer: Record<string, unknown>) => unknown)[] = [
    (answer) => ({ ...answer, expires_in: undefined }),
    (answer) => ({ ...answer, token_type: "mac" }),
    (answer) => ({ ...answer, access_token: "a\r\nx: y" }),
  ];
  const source = createSource();
  const login = loginAccount(server.issue());
  for (const change of lies) {
    server.faults.push({ kind: "lie", change });
    const failure = failureOf(await source.credential(login, signal));
    assert.equal(failure.reason, "unreachable");
    assert.ok(server.isLive(store.rows.get("claude-1")!.refreshToken));
    pass(300_001);
  }
  assert.ok(tokenOf(await source.credential(login, signal)));
  assert.equal(server.killed, 0);
});

test("an answer lost after the rotation leaves a mark that explains the dead login afterwards", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  const begunAt = new Date(wall).toISOString();
  server.faults.push({ kind: "cut", bytes: 30 });
  assert.equal(failureOf(await source.credential(login, signal)).reason, "unreachable");
  assert.equal(store.rows.get("claude-1")?.exchangeHash, hashToken(login.secret));
  pass(60_000);
  const failure = failureOf(await createSource().credential(login, signal));
  assert.equal(failure.reason, "refresh-revoked");
  assert.ok(
    describeLoginFailure(failure).includes(
      `a refresh begun at ${begunAt} was interrupted before its answer could be kept`,
    ),
  );
  assert.ok(lines.some((line) => line.includes("an earlier refresh of this login was interrupted")));
  assert.equal(store.rows.get("claude-1")?.exchangeHash, undefined);
});

test("a failure whose outcome is known leaves no mark", async () => {
  const source = createSource();
  for (const [id, fault] of [
    ["a", { kind: "answer", status: 500, body: "" }],
    ["b", { kind: "answer", status: 400, body: '{"error":"invalid_grant"}' }],
  ] as const) {
    server.faults.push(fault);
    failureOf(await source.credential(loginAccount(server.issue(), { id }), signal));
    assert.equal(store.rows.get(id)?.exchangeHash, undefined);
  }
});

test("a disk that takes no writes keeps the pair in memory and the lock held, and is written when it can be", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  await source.credential(login, signal);
  const stored = { ...store.rows.get("claude-1")! };
  pass(eightHours);
  store.writeError = Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
  const second = tokenOf(await source.credential(login, signal));
  assert.ok(server.accepts(second));
  assert.deepEqual(store.rows.get("claude-1"), stored);
  assert.ok(
    lines.some((line) => line.includes("it is kept in memory and written as soon as the disk takes it")),
  );
  assert.ok(store.isLocked("claude-1"), "another process would spend the spent token");

  pass(eightHours);
  const third = tokenOf(await source.credential(login, signal));
  assert.ok(server.accepts(third));
  store.writeError = undefined;
  await until("the pair is written", () => store.rows.get("claude-1")?.accessToken === third);
  assert.ok(server.isLive(store.rows.get("claude-1")!.refreshToken));
  await until("the lock is free", () => !store.isLocked("claude-1"));
  assert.equal(server.killed, 0);
  pass(eightHours);
  assert.ok(tokenOf(await createSource().credential(login, signal)));
});

test("close tries once more to write the pair, and says so when it is lost", async () => {
  for (const recovers of [true, false]) {
    const source = createSource();
    const login = loginAccount(server.issue(), { id: `recovers-${recovers}` });
    store.writeError = new Error("disk is full");
    tokenOf(await source.credential(login, signal));
    if (recovers) store.writeError = undefined;
    await source.close();
    store.writeError = undefined;
    assert.equal(store.rows.has(login.id), recovers);
    assert.equal(
      lines.some((line) => line.includes("ends with this process")),
      !recovers,
    );
  }
});

test("with a full disk nothing is exchanged in the background", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  const first = tokenOf(await source.credential(login, signal));
  pass(eightHours - 60_000);
  store.writeError = new Error("disk is full");
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  await until("the delay", () => lines.some((line) => line.includes("a login is refreshed later")));
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  assert.equal(server.requests.length, 1);
});

test("a lock that cannot be made does not stop a refresh that cannot wait", async () => {
  const source = createSource();
  store.lockError = new Error("no space left on device");
  assert.ok(tokenOf(await source.credential(loginAccount(server.issue()), signal)));
  assert.ok(lines.some((line) => line.includes("it is refreshed without")));
});

test("a pair refreshed without the lock is written later all the same", async () => {
  const source = createSource();
  store.lockError = new Error("no space left on device");
  store.writeError = new Error("no space left on device");
  const token = tokenOf(await source.credential(loginAccount(server.issue()), signal));
  store.writeError = undefined;
  await until("the pair is written", () => store.rows.get("claude-1")?.accessToken === token);
});

test("a token that ends at once is handed out, not asked for again and again", async () => {
  const source = createSource();
  server.expiresIn = 0.001;
  const login = loginAccount(server.issue());
  server.faults.push({ kind: "delay", ms: 10 });
  const pending = source.credential(login, signal);
  await until("the request", () => server.requests[0]);
  pass(5);
  assert.ok(tokenOf(await pending));
  assert.equal(server.requests.length, 1);
});

test("close does not wait for a lock that another process holds", async () => {
  const source = createSource();
  const release = Promise.withResolvers<void>();
  const holding = store.withLock("claude-1", () => release.promise);
  const waiting = source.credential(loginAccount(server.issue()), signal);
  await sleep(10);
  const closed = source.close();
  assert.match(describeLoginFailure(failureOf(await waiting)), /another cc-relay process is refreshing it/);
  await closed;
  release.resolve();
  await holding;
  assert.equal(server.requests.length, 0);
});

test("close waits for a refresh under way", async () => {
  const source = createSource();
  server.faults.push({ kind: "delay", ms: 80 });
  const login = loginAccount(server.issue());
  void source.credential(login, signal);
  await until("the request", () => server.requests[0]);
  await source.close();
  assert.ok(server.isLive(store.rows.get("claude-1")!.refreshToken));
  assert.notEqual(store.rows.get("claude-1")!.refreshToken, login.secret);
});

test("a row replaced during the exchange is left alone: its login is used", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  await source.credential(login, signal);
  pass(eightHours);
  server.faults.push({ kind: "delay", ms: 60 });
  const pending = source.credential(login, signal);
  await until("the second request", () => server.requests[1]);
  const theirs = {
    ...store.rows.get("claude-1")!,
    accessToken: "theirs",
    refreshToken: "r",
    generation: 9,
    updatedAt: wall,
    expiresAt: wall + 3_600_000,
  };
  store.rows.set("claude-1", theirs);
  assert.equal(tokenOf(await pending), "theirs");
  assert.deepEqual(store.rows.get("claude-1"), theirs);
});

test("a wall clock that jumps neither loses the login nor keeps an ended token", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  await source.credential(login, signal);
  for (const jump of [400 * 86_400_000, -800 * 86_400_000, 86_400_000]) {
    wall += jump;
    assert.ok(server.accepts(tokenOf(await source.credential(login, signal))));
    mono += eightHours;
    const before = server.requests.length;
    assert.ok(server.accepts(tokenOf(await source.credential(login, signal))));
    assert.equal(server.requests.length, before + 1, "its hours have passed, whatever the wall clock says");
  }
  assert.equal(server.killed, 0);
});

test("refreshes go through the account's proxy, and its faults say nothing about the login", async () => {
  const proxy = await startConnectProxy({ username: "u", password: "right" });
  const direct = server.connections;
  const settings = (password: string): ProxySettings => ({
    type: "http",
    host: "127.0.0.1",
    port: proxy.port,
    username: "u",
    password,
  });
  const login = loginAccount(server.issue(), { proxy: settings("wrong") });
  const source = createSource();
  const failure = failureOf(await source.credential(login, signal));
  assert.equal(failure.reason, "proxy");
  assert.match(describeLoginFailure(failure), /refused the user name or password/);
  assert.doesNotMatch(describeLoginFailure(failure), /wrong/);
  assert.equal(server.connections, direct);
  pass(5_001);
  assert.ok(tokenOf(await source.credential({ ...login, proxy: settings("right") }, signal)));
  assert.deepEqual(proxy.targets, [`127.0.0.1:${server.port}`]);
  assert.equal(server.connections, direct + 1);
  assert.equal(store.rows.get("claude-1")?.exchangeHash, undefined);
  await proxy.close();
});

test("Google's form is spoken to Google, whose refresh token stays unless a new one comes", async () => {
  server.rotates = false;
  const source = createSource();
  const configured = server.issue();
  const login = loginAccount(configured, {
    id: "g",
    kind: accountKinds.gemini,
    extras: { project: "my-project" },
  });
  const result = await source.credential(login, signal);
  assert.ok(result.ok && result.extras?.project === "my-project");
  const [request] = server.requests;
  assert.equal(request?.headers["content-type"], "application/x-www-form-urlencoded");
  assert.equal(request?.headers["anthropic-beta"], undefined);
  const { client_id, client_secret, ...rest } = request!.parameters;
  assert.deepEqual(rest, { grant_type: "refresh_token", refresh_token: configured });
  assert.match(client_id!, /\.apps\.googleusercontent\.com$/);
  assert.equal(client_secret?.length, 35);
  assert.equal(store.rows.get("g")?.refreshToken, configured);
  server.rotates = true;
  pass(eightHours);
  tokenOf(await source.credential(login, signal));
  assert.notEqual(store.rows.get("g")?.refreshToken, configured);
  assert.ok(server.isLive(store.rows.get("g")!.refreshToken));
});

test("no token ever reaches the log", async () => {
  const source = createSource();
  const login = loginAccount(server.issue());
  const first = tokenOf(await source.credential(login, signal));
  server.faults.push({
    kind: "answer",
    status: 400,
    body: JSON.stringify({ error: "invalid_request", error_description: "x" }),
  });
  failureOf(await source.refused(login, first, signal));
  const text = lines.join("");
  for (const secret of [first, login.secret, store.rows.get("claude-1")!.refreshToken])
    assert.ok(!text.includes(secret));
  assert.ok(lines.length >= 2);
});
