// Access tokens from the token source: when a login is refreshed, how often, and who gets the token.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { describeLoginFailure } from "../../src/oauth/login-failure.ts";
import { hashToken } from "../../src/oauth/refresh.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { loginAccount, tokenOf } from "../support/login-account.ts";
import { perTest } from "../support/per-test.ts";
import { until } from "../support/until.ts";
import { eightHours, failureOf, signal, startTokenSources } from "./token-source.ts";

const sources = perTest(startTokenSources);

test("the first credential exchanges the configured token and stores the pair before anybody has it", async () => {
  const configured = sources.server.issue();
  const result = await sources.createSource().credential(loginAccount(configured), signal);
  const token = tokenOf(result);
  assert.ok(sources.server.accepts(token));
  const row = sources.store.rows.get("claude-1");
  assert.deepEqual(row && { ...row, refreshToken: "" }, {
    accountId: "claude-1",
    configuredHash: hashToken(configured),
    refreshToken: "",
    accessToken: token,
    expiresAt: sources.clock.wall + eightHours,
    extras: undefined,
    generation: 1,
    updatedAt: sources.clock.wall,
    exchangeHash: undefined,
    exchangeAt: undefined,
  });
  assert.ok(sources.server.isLive(row!.refreshToken));
  assert.equal(result.ok && result.generation, 1);
});

test("the refresh request is what Anthropic's own SDK sends, without the name of another program", async () => {
  const configured = sources.server.issue();
  await sources.createSource().credential(loginAccount(configured), signal);
  const [request] = sources.server.requests;
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
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  await source.credential(login, signal);
  for (let round = 0; round < 3; round++) {
    sources.pass(eightHours);
    sources.server.requests.length = 0;
    sources.server.faults.push({ kind: "delay", ms: 30 });
    const results = await Promise.all(Array.from({ length: 200 }, () => source.credential(login, signal)));
    assert.equal(new Set(results.map(tokenOf)).size, 1);
    assert.equal(sources.server.requests.length, 1);
  }
  assert.equal(sources.server.killed, 0);
});

test("a token is refreshed in the background while the old one is handed out, and waited for at its end", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  const first = tokenOf(await source.credential(login, signal));
  sources.pass(eightHours - 121_000);
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  await sleep(30);
  assert.equal(sources.server.requests.length, 1);

  sources.pass(2_000);
  assert.equal(tokenOf(await source.credential(login, signal)), first);
  const second = await until("a second token", async () => {
    const token = tokenOf(await source.credential(login, signal));
    return token === first ? undefined : token;
  });
  assert.equal(sources.server.requests.length, 2);

  sources.pass(eightHours - 9_000);
  const third = tokenOf(await source.credential(login, signal));
  assert.notEqual(third, second);
  assert.equal(sources.server.requests.length, 3);
});

test("a caller that stops waiting ends neither the refresh nor the others' waiting", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  sources.server.faults.push({ kind: "delay", ms: 60 });
  const impatient = new AbortController();
  const given = source.credential(login, impatient.signal);
  const patient = source.credential(login, signal);
  setTimeout(() => impatient.abort(), 10);
  assert.equal(failureOf(await given).reason, "aborted");
  assert.ok(sources.server.accepts(tokenOf(await patient)));
  sources.pass(eightHours);
  assert.equal(failureOf(await source.credential(login, AbortSignal.abort())).reason, "aborted");
});

test("a 401 refreshes once for all who got it, and a token that was replaced already is not refreshed again", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  const first = tokenOf(await source.credential(login, signal));
  const results = await Promise.all(Array.from({ length: 50 }, () => source.refused(login, first, signal)));
  const second = new Set(results.map(tokenOf));
  assert.equal(second.size, 1);
  assert.equal(sources.server.requests.length, 2);
  sources.pass(30_000);
  assert.equal(tokenOf(await source.refused(login, first, signal)), [...second][0]);
  assert.equal(sources.server.requests.length, 2);
});

test("a token that is refused right after it was refreshed for that reason is not refreshed for ever", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  const first = tokenOf(await source.credential(login, signal));
  const second = tokenOf(await source.refused(login, first, signal));
  const failure = failureOf(await source.refused(login, second, signal));
  assert.equal(failure.reason, "token-refused");
  assert.match(describeLoginFailure(failure), /to log in again, run: cc-relay login claude --id claude-1$/);
  assert.equal(sources.server.requests.length, 2);
  sources.pass(61_000);
  assert.ok(tokenOf(await source.refused(login, second, signal)));
});

test("two sources on one store refresh once between them, and each takes what the other stored", async () => {
  const login = loginAccount(sources.server.issue());
  const [one, two] = [sources.createSource(), sources.createSource()];
  const results = await Promise.all(
    [one, two].flatMap((s) => Array.from({ length: 20 }, () => s.credential(login, signal))),
  );
  assert.equal(new Set(results.map(tokenOf)).size, 1);
  assert.equal(sources.server.requests.length, 1);
  const first = tokenOf(results[0]!);
  const second = tokenOf(await one.refused(login, first, signal));
  assert.equal(tokenOf(await two.refused(login, first, signal)), second);
  assert.equal(sources.server.requests.length, 2);
  assert.equal(sources.server.killed, 0);
});

test("after a restart the stored pair is used, not the spent token of the configuration", async () => {
  const login = loginAccount(sources.server.issue());
  const token = tokenOf(await sources.createSource().credential(login, signal));
  assert.equal(tokenOf(await sources.createSource().credential(login, signal)), token);
  assert.equal(sources.server.requests.length, 1);
  sources.pass(eightHours);
  assert.ok(sources.server.accepts(tokenOf(await sources.createSource().credential(login, signal))));
  assert.equal(sources.server.killed, 0);
});

test("a token that a person put into the file wins over the stored chain, in a new process and after a reload", async () => {
  const old = loginAccount(sources.server.issue());
  const source = sources.createSource();
  await source.credential(old, signal);
  const fresh = loginAccount(sources.server.issue());
  assert.ok(sources.server.accepts(tokenOf(await source.credential(fresh, signal))));
  assert.equal(sources.server.requests.at(-1)?.parameters.refresh_token, fresh.secret);
  assert.equal(sources.store.rows.get("claude-1")?.configuredHash, hashToken(fresh.secret));
  // A request that began before the reload still asks with the old account: it gets the new chain, nothing is spent twice.
  sources.pass(eightHours);
  assert.ok(sources.server.accepts(tokenOf(await source.credential(old, signal))));
  assert.equal(sources.server.killed, 0);
  assert.ok(sources.server.isLive(sources.store.rows.get("claude-1")!.refreshToken));
});

test("an account that is renamed keeps its login, two that change places keep theirs", async () => {
  const secrets = { a: sources.server.issue("a"), b: sources.server.issue("b") };
  for (const [id, secret] of Object.entries(secrets)) {
    await sources.createSource().credential(loginAccount(secret, { id }), signal);
  }
  const renamed = [
    loginAccount(secrets.a, { id: "work" }),
    loginAccount(secrets.a, { id: "b" }),
    loginAccount(secrets.b, { id: "a" }),
    loginAccount(secrets.b, { id: "c" }),
  ];
  for (const login of renamed) {
    assert.ok(sources.server.accepts(tokenOf(await sources.createSource().credential(login, signal))));
    sources.pass(eightHours);
    const token = tokenOf(await sources.createSource().credential(login, signal));
    assert.match(token, login.secret === secrets.a ? /-a-/ : /-b-/);
  }
  assert.equal(sources.server.killed, 0);
});

test("a token that ends at once is handed out, not asked for again and again", async () => {
  const source = sources.createSource();
  sources.server.expiresIn = 0.001;
  const login = loginAccount(sources.server.issue());
  sources.server.faults.push({ kind: "delay", ms: 10 });
  const pending = source.credential(login, signal);
  await until("the request", () => sources.server.requests[0]);
  sources.pass(5);
  assert.ok(tokenOf(await pending));
  assert.equal(sources.server.requests.length, 1);
});

test("a wall clock that jumps neither loses the login nor keeps an ended token", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  await source.credential(login, signal);
  for (const jump of [400 * 86_400_000, -800 * 86_400_000, 86_400_000]) {
    sources.clock.wall += jump;
    assert.ok(sources.server.accepts(tokenOf(await source.credential(login, signal))));
    sources.clock.mono += eightHours;
    const before = sources.server.requests.length;
    assert.ok(sources.server.accepts(tokenOf(await source.credential(login, signal))));
    assert.equal(
      sources.server.requests.length,
      before + 1,
      "its hours have passed, whatever the wall clock says",
    );
  }
  assert.equal(sources.server.killed, 0);
});

test("Google's form is spoken to Google, whose refresh token stays unless a new one comes", async () => {
  sources.server.rotates = false;
  const source = sources.createSource();
  const configured = sources.server.issue();
  const login = loginAccount(configured, {
    id: "g",
    kind: accountKinds.gemini,
    extras: { project: "my-project" },
  });
  const result = await source.credential(login, signal);
  assert.ok(result.ok && result.extras?.project === "my-project");
  const [request] = sources.server.requests;
  assert.equal(request?.headers["content-type"], "application/x-www-form-urlencoded");
  assert.equal(request?.headers["anthropic-beta"], undefined);
  const { client_id, client_secret, ...rest } = request!.parameters;
  assert.deepEqual(rest, { grant_type: "refresh_token", refresh_token: configured });
  assert.match(client_id!, /\.apps\.googleusercontent\.com$/);
  assert.equal(client_secret?.length, 35);
  assert.equal(sources.store.rows.get("g")?.refreshToken, configured);
  sources.server.rotates = true;
  sources.pass(eightHours);
  tokenOf(await source.credential(login, signal));
  assert.notEqual(sources.store.rows.get("g")?.refreshToken, configured);
  assert.ok(sources.server.isLive(sources.store.rows.get("g")!.refreshToken));
});

test("no token ever reaches the log", async () => {
  const source = sources.createSource();
  const login = loginAccount(sources.server.issue());
  const first = tokenOf(await source.credential(login, signal));
  sources.server.faults.push({
    kind: "answer",
    status: 400,
    body: JSON.stringify({ error: "invalid_request", error_description: "x" }),
  });
  failureOf(await source.refused(login, first, signal));
  const text = sources.lines.join("");
  for (const secret of [first, login.secret, sources.store.rows.get("claude-1")!.refreshToken])
    assert.ok(!text.includes(secret));
  assert.ok(sources.lines.length >= 2);
});
