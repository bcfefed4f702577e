// Accounts with logins: tokens that end, are refused or cannot be refreshed, and what becomes of requests and sessions.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { AccountConfig } from "../../src/config/config.ts";
import type { Clock } from "../../src/time/clock.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import type { RecordedRequest } from "../support/behaviour.ts";
import { claudeError, claudeFailures } from "../support/claude-script.ts";
import { begin, type ClientAnswer, send } from "../support/client.ts";
import { codeAssistProject, geminiError } from "../support/gemini-script.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import { until } from "../support/until.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { accountOf, cases, type DialectCase } from "./cases.ts";

const { claudeLogin: claude, chat, codeAssist, codeAssistOwn } = cases;

interface LoginStage {
  upstream: ScriptedUpstream;
  authorization: AuthorizationServer;
  relay: TestRelay;
  of(id: string): (request: RecordedRequest) => boolean;
  servedBy(): string[];
}

/** Logins, in order of priority, and after them an account with a key that is called `key`. */
async function logins(
  t: TestContext,
  ids: readonly string[] = ["login"],
  change: Partial<AccountConfig> = {},
  family: "claude" | "gemini" = "claude",
  clock?: Clock,
): Promise<LoginStage> {
  const upstream = await startUpstream({ family });
  t.after(() => upstream.close());
  const authorization = await startAuthorizationServer();
  t.after(() => authorization.close());
  const [login, api] =
    family === "claude" ? (["claude-oauth", "claude-api"] as const) : (["gemini", "gemini-api"] as const);
  const tokenUrl = `${authorization.url}/token`;
  const relay = await startRelay({
    clock,
    accounts: [
      ...ids.map((id, index) =>
        testAccount(id, login, upstream.url, {
          secret: authorization.issue(id),
          priority: 900 - index,
          ...change,
        }),
      ),
      testAccount("key", api, upstream.url),
    ],
    configure: (config) => ({ ...config, oauth: { claude: { tokenUrl }, gemini: { tokenUrl } } }),
  });
  t.after(() => relay.close());
  return {
    upstream,
    authorization,
    relay,
    of: (id) => (request) => accountOf(request.credential) === id,
    servedBy: () => upstream.requests.map(({ credential }) => accountOf(credential)),
  };
}

const ask = (relay: TestRelay, session?: string): Promise<ClientAnswer> =>
  send(relay.url, claude.request({ session, text: String(session) }));

/** A cooldown that was ended in the database: every try is a session of its own, which stays where it begins. */
async function untilBack(relay: TestRelay, dialect: DialectCase): Promise<void> {
  let tries = 0;
  await until("the login serves again", async () => {
    const session = `try ${tries++}`;
    const answer = await send(relay.url, dialect.request({ session, text: session }));
    return answer.header("x-cc-relay-account") === "login";
  });
}

test("the login's token goes as a bearer, with the one flag it needs at the end of the client's own", async (t) => {
  const { upstream, relay } = await logins(t);
  const flags = ["fine-grained-tool-streaming-2025-05-14,interleaved-thinking-2025-05-14", undefined];
  for (const flag of flags) {
    const headers = ["x-api-key", "relay-key", ...(flag ? ["Anthropic-Beta", flag] : [])];
    await send(relay.url, claude.request({ headers }));
    const { headers: seen } = upstream.requests.at(-1)!;
    assert.match(String(seen.authorization), /^Bearer access-login-/);
    assert.equal(seen["x-api-key"], undefined);
    assert.equal(seen["anthropic-beta"], [flag, "oauth-2025-04-20"].filter(Boolean).join(","));
  }
  const asked = upstream.requests.length;
  const already = "oauth-2025-04-20,other";
  await send(relay.url, claude.request({ headers: ["anthropic-beta", already] }));
  assert.equal(upstream.requests[asked]!.headers["anthropic-beta"], already);
});

test("a refused token is refreshed once, and the request goes to the same account again", async (t) => {
  for (const refusal of [claudeFailures.tokenExpired(), claudeFailures.tokenRevoked(), claudeError(401)]) {
    const { upstream, authorization, relay, of, servedBy } = await logins(t);
    upstream.queue(of("login"), refusal);
    const answer = await ask(relay);
    assert.equal(answer.header("x-cc-relay-account"), "login");
    assert.deepEqual(servedBy(), ["login", "login"]);
    assert.notEqual(upstream.requests[0]!.credential, upstream.requests[1]!.credential);
    assert.equal(authorization.requests.length, 2);
    assert.deepEqual(await relay.store.accounts.cooldowns(), []);
  }
});

test("many requests with one refused token refresh it once", async (t) => {
  const { upstream, authorization, relay } = await logins(t);
  await ask(relay);
  const refused = upstream.requests[0]!.credential;
  upstream.on(refused, claudeFailures.tokenExpired());
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(relay, `s${index}`)));
  assert.ok(answers.every((answer) => answer.header("x-cc-relay-account") === "login"));
  assert.equal(authorization.requests.length, 2);
  assert.equal(authorization.killed, 0);
});

test("a login that is refused with a fresh token too needs a person, and its sessions move on for good", async (t) => {
  const { upstream, relay, of, servedBy } = await logins(t);
  assert.equal((await ask(relay, "s")).header("x-cc-relay-account"), "login");
  upstream.queue(of("login"), claudeFailures.tokenExpired(), claudeFailures.tokenExpired());
  assert.equal((await ask(relay, "s")).header("x-cc-relay-account"), "key");
  const [cooldown] = await relay.store.accounts.cooldowns();
  assert.deepEqual([cooldown?.accountId, cooldown?.kind], ["login", "unauthorized"]);
  await relay.store.accounts.clearCooldowns("login");
  await untilBack(relay, claude);
  assert.equal((await ask(relay, "s")).header("x-cc-relay-account"), "key", "the session has a new home");
  assert.deepEqual(servedBy().slice(0, 4), ["login", "login", "login", "key"]);
});

test("a 401 for the list of models refreshes the login, as everywhere", async (t) => {
  const { upstream, relay, of } = await logins(t);
  upstream.queue(of("login"), claudeFailures.tokenExpired());
  const answer = await send(relay.url, { path: "/v1/models" });
  assert.equal(answer.status, 200);
  const asked = upstream.requests
    .filter(({ path }) => path === "/v1/models")
    .map(({ credential }) => credential);
  assert.equal(new Set(asked).size, 3, "the key, the first token and the second one");
  assert.deepEqual(await relay.store.accounts.cooldowns(), []);
});

test("a login that was revoked needs a person, and no client sees a 401", async (t) => {
  const { upstream, authorization, relay } = await logins(t);
  authorization.revoke(relay.config.accounts[0]!.secret);
  const answer = await ask(relay);
  assert.equal(answer.header("x-cc-relay-account"), "key");
  const [cooldown] = await relay.store.accounts.cooldowns();
  assert.equal(cooldown?.kind, "login-revoked");
  assert.equal(upstream.requests.length, 1);
  upstream.on("key-of-key", claudeError(401));
  const none = await ask(relay);
  assert.deepEqual([none.status, none.header("x-cc-relay-error")], [503, "needs_login"]);
});

test("a token endpoint that does not answer is not held against the login", async (t) => {
  const { authorization, relay } = await logins(t);
  authorization.faults = [{ kind: "answer", status: 503, body: "later" }];
  assert.equal((await ask(relay)).header("x-cc-relay-account"), "key");
  assert.ok((await relay.store.accounts.cooldowns()).every(({ kind }) => kind !== "unauthorized"));
});

test("a rotated refresh token is on the disk before its access token is used", async (t) => {
  let passedMs = 0;
  const clock = { now: () => Date.now() + passedMs, monotonic: () => performance.now() + passedMs };
  const { upstream, authorization, relay, of } = await logins(t, ["login"], {}, "claude", clock);
  upstream.on(of("login"), (request) => {
    used.push(request.credential);
    return {};
  });
  const used: string[] = [];
  authorization.expiresIn = 3600;
  for (let turn = 0; turn < 4; turn++) {
    await ask(relay);
    const row = await relay.store.tokens.load("login");
    assert.equal(row?.accessToken, used.at(-1));
    assert.ok(authorization.isLive(row!.refreshToken));
    passedMs += 3_700_000;
  }
  assert.ok(new Set(used).size >= 3);
  await relay.restart();
  assert.equal((await ask(relay)).header("x-cc-relay-account"), "login");
  assert.equal(authorization.killed, 0);
});

test("a client that leaves while the login is refreshed loses nothing", async (t) => {
  const { upstream, authorization, relay } = await logins(t);
  authorization.faults = [{ kind: "delay", ms: 300 }];
  const leaving = begin(relay.url, claude.request());
  await until("the refresh is under way", () => authorization.requests.length === 1);
  leaving.abort();
  await until("the request is recorded", () => relay.log.some(({ fields }) => fields.outcome === "aborted"));
  assert.equal((await ask(relay)).header("x-cc-relay-account"), "login");
  assert.equal(authorization.requests.length, 1, "the token that the first one asked for is used");
  assert.equal(upstream.requests.length, 1);
});

test("a relay that stops while a login is refreshed waits for the answer and keeps it", async (t) => {
  const { authorization, relay } = await logins(t);
  authorization.faults = [{ kind: "delay", ms: 500 }];
  const asked = begin(relay.url, claude.request());
  asked.answer.catch(() => {});
  await until("the refresh is under way", () => authorization.requests.length === 1);
  asked.abort();
  await relay.restart();
  const row = await relay.store.tokens.load("login");
  assert.ok(row && authorization.isLive(row.refreshToken));
  assert.equal((await ask(relay)).header("x-cc-relay-account"), "login");
});

test("Chat Completions are never converted for a login", async (t) => {
  const { upstream, relay, servedBy } = await logins(t);
  assert.equal((await send(relay.url, chat.request())).header("x-cc-relay-account"), "key");
  upstream.on("key-of-key", claudeFailures.windowRejected("5h", Date.now() + 7_200_000));
  assert.equal((await send(relay.url, chat.request())).status, 429);
  await relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.filter(({ id }) => id === "login"),
  }));
  const none = await send(relay.url, chat.request());
  assert.deepEqual([none.status, none.header("x-cc-relay-error")], [503, "no_account"]);
  assert.equal(none.header("x-should-retry"), "false");
  assert.match(none.text, /accounts list/);
  const named = await send(relay.url, chat.request({ headers: ["x-cc-relay-account", "login"] }));
  assert.equal(named.status, 503);
  assert.ok(!servedBy().includes("login"));
});

const project = (request: RecordedRequest) => (request.json as { project?: string }).project;

for (const dialect of [codeAssist, codeAssistOwn]) {
  test(`${dialect.name}: the login's own project is found once and is in every request`, async (t) => {
    const { upstream, relay } = await logins(t, ["login"], {}, "gemini");
    const answers = await Promise.all(
      ["1", "2", "3"].map((session) => send(relay.url, dialect.request({ session }))),
    );
    assert.ok(answers.every((answer) => answer.header("x-cc-relay-account") === "login"));
    const searches = upstream.requests.filter(({ path }) => path.endsWith(":loadCodeAssist"));
    assert.equal(searches.length, 1);
    const generated = upstream.requests.filter(({ path }) => path.endsWith("enerateContent"));
    for (const request of generated)
      assert.equal(project(request), codeAssistProject(searches[0]!.credential));
    await relay.restart();
    await send(relay.url, dialect.request());
    assert.equal(upstream.requests.filter(({ path }) => path.endsWith(":loadCodeAssist")).length, 1);
  });
}

test("what Code Assist has not goes to an account with a key, and what only it has never does", async (t) => {
  const { relay, servedBy } = await logins(t, ["login"], { extras: { project: "p" } }, "gemini");
  const embed = {
    path: "/v1beta/models/gemini-embedding-001:embedContent",
    body: { content: { parts: [] } },
  };
  assert.equal((await send(relay.url, embed)).header("x-cc-relay-account"), "key");
  assert.equal((await send(relay.url, { path: "/v1beta/models" })).status, 200);
  assert.deepEqual(servedBy(), ["key", "key"]);
  await relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.filter(({ id }) => id === "key"),
  }));
  const own = await send(relay.url, codeAssistOwn.request());
  assert.deepEqual([own.status, own.header("x-cc-relay-error")], [501, "not_supported"]);
  assert.match(own.text, /cc-relay login gemini`/);
  assert.deepEqual(servedBy(), ["key", "key"]);
});

test("a login that has no Code Assist is reported as such, and the next account answers", async (t) => {
  const { upstream, relay } = await logins(t, ["login"], {}, "gemini");
  upstream.on(
    { path: /loadCodeAssist/ },
    { body: { ineligibleTiers: [{ reasonCode: "INELIGIBLE_ACCOUNT", reasonMessage: "Not eligible." }] } },
  );
  assert.equal((await send(relay.url, codeAssist.request())).header("x-cc-relay-account"), "key");
  const [cooldown] = await relay.store.accounts.cooldowns();
  assert.deepEqual([cooldown?.accountId, cooldown?.kind], ["login", "account-out"]);
});

test("a project that Google no longer takes is searched for again", async (t) => {
  const { upstream, relay, of } = await logins(t, ["login"], {}, "gemini");
  assert.equal((await send(relay.url, codeAssist.request())).status, 200);
  upstream.queue(
    (request) => of("login")(request) && request.path.endsWith("enerateContent"),
    geminiError(403, {
      message: "Permission denied on resource project gone.",
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "CONSUMER_INVALID",
          domain: "googleapis.com",
        },
      ],
    }),
  );
  assert.equal((await send(relay.url, codeAssist.request())).header("x-cc-relay-account"), "key");
  await relay.store.accounts.clearCooldowns("login");
  await untilBack(relay, codeAssist);
  assert.equal(upstream.requests.filter(({ path }) => path.endsWith(":loadCodeAssist")).length, 2);
});
