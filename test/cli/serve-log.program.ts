// What `cc-relay serve` logs when it is no terminal: JSON lines, and no secret in any of them, whatever providers echo.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { dialectCases } from "../relay/cases.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import type { Behaviour, RecordedRequest } from "../support/behaviour.ts";
import { claudeError, claudeErrorEvent } from "../support/claude-script.ts";
import { type ClientRequest, send } from "../support/client.ts";
import { startRelay, testAccount } from "../support/relay.ts";
import { createServeFolder, type RunningServe } from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

const [claude, gemini, openai, chat] = dialectCases as [
  (typeof dialectCases)[0],
  (typeof dialectCases)[0],
  (typeof dialectCases)[0],
  (typeof dialectCases)[0],
];

/** Secrets without a form that gives them away. */
const relayKey = "correct/horse+battery";
const wrongKey = "a-key-of-another-service-4711";
const apiKeys = { claude: "plainly-a-key-0001", gemini: "plainly-a-key-0002", openai: "plainly-a-key-0003" };

interface Logging {
  relay: RunningServe;
  upstream: ScriptedUpstream;
  authorization: AuthorizationServer;
  /** Every secret that the configuration, the clients, the provider or the token endpoint knew. */
  secrets(): string[];
}

async function startLogging(t: TestContext): Promise<Logging> {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const authorization = await startAuthorizationServer();
  t.after(() => authorization.close());
  const refreshToken = authorization.issue();
  const folder = await createServeFolder(t);
  const account = (id: string, type: string, secret: string, url = upstream.url) =>
    `[[accounts]]\nid = "${id}"\ntype = "${type}"\n${secret}\napi_url = "${url}"\n`;
  const settings = [
    `[oauth.claude]\ntoken_url = "${authorization.url}/token"\n`,
    `[usage]\nretention_days = 10\n`,
    account("login", "claude-oauth", `refresh_token = "${refreshToken}"\npriority = 900`),
    account("claude", "claude-api", `api_key = "${apiKeys.claude}"`),
    account("gemini", "gemini-api", `api_key = "${apiKeys.gemini}"`),
    account("openai", "openai-responses", `api_key = "${apiKeys.openai}"`, `${upstream.url}/v1`),
  ].join("\n");
  await folder.configure(settings, 'log_level = "trace"');
  const toml = await readFile(folder.configFile, "utf8");
  await writeFile(folder.configFile, `api_keys = [{ name = "laptop", key = "${relayKey}" }]\n${toml}`);
  const relay = await folder.start();
  const secrets = () => [
    relayKey,
    encodeURIComponent(relayKey),
    wrongKey,
    refreshToken,
    ...Object.values(apiKeys),
    ...upstream.requests.map(({ credential }) => credential),
    ...authorization.requests.map(({ parameters }) => parameters.refresh_token ?? wrongKey),
  ];
  return { relay, upstream, authorization, secrets };
}

/** Repeats to the relay everything that it was sent in confidence. */
function echo({ credential, headers }: RecordedRequest): string {
  return `refused ${credential}; authorization: ${headers.authorization ?? headers["x-api-key"]} (token=${credential})`;
}

const echoes: ((request: RecordedRequest) => Behaviour)[] = [
  (request) => claudeError(500, { message: echo(request) }),
  (request) => claudeError(529, { message: echo(request) }),
  (request) => claudeError(401, { message: echo(request) }),
  (request) => claudeError(400, { message: echo(request) }),
  (request) => ({ status: 503, body: `<html><title>${echo(request)}</title>` }),
  (request) => ({ firstEvent: claudeErrorEvent("api_error", { message: echo(request) }) }),
  (request) => ({
    status: 429,
    headers: { "retry-after": "1", "x-echo": request.credential },
    body: { error: { message: echo(request), status: "RESOURCE_EXHAUSTED", code: 429 } },
  }),
  () => ({ breakOff: { when: "before-headers", how: "rst" } }),
];

/** By whichever account, and by each: a named one is asked although it is in cooldown. */
const served = [
  [claude, ""],
  [claude, "login"],
  [claude, "claude"],
  [gemini, "gemini"],
  [openai, "openai"],
  [chat, "claude"],
] as const;

function withKey(request: ClientRequest, headers: readonly string[]): ClientRequest {
  return { ...request, headers: [...request.headers!, ...headers] };
}

function assertNoSecret(text: string, secrets: string[]): void {
  for (const secret of secrets) {
    const at = text.indexOf(secret);
    assert.equal(at, -1, `found in: ${text.slice(Math.max(0, at - 200), at + 100)}`);
  }
}

test("after a run full of echoes, every line is JSON and none holds a secret", async (t) => {
  const { relay, upstream, authorization, secrets } = await startLogging(t);
  for (const behaviour of [...echoes, () => ({})]) {
    upstream.on(() => true, behaviour);
    for (const [dialect, account] of served) {
      const headers = [
        ...dialect.keyHeaders(relayKey),
        ...(account === "" ? [] : ["x-cc-relay-account", account]),
      ];
      await send(relay.url, withKey(dialect.request(), headers)).catch(() => {});
    }
  }
  authorization.faults = [
    {
      kind: "answer",
      status: 400,
      body: JSON.stringify({ error: "invalid_grant", error_description: `spent: ${secrets()[3]}` }),
    },
  ];
  upstream.on(() => true, claudeError(401, { message: "OAuth token has expired" }));
  await send(relay.url, withKey(claude.request(), claude.keyHeaders(relayKey)));

  const query = (key: string) => `key=${encodeURIComponent(key)}`;
  const inQuery = (request: ClientRequest, key: string) => ({
    ...request,
    path: `${request.path}${request.path.includes("?") ? "&" : "?"}${query(key)}`,
  });
  for (const key of [relayKey, wrongKey]) {
    await send(relay.url, inQuery(gemini.request(), key));
    await send(relay.url, { path: `/no/such/route?${query(key)}` });
    await send(relay.url, {
      path: `/${encodeURIComponent(key)}`,
      headers: ["authorization", `Bearer ${key}`],
    });
    await send(relay.url, withKey(claude.request(), ["authorization", `Bearer ${key}`]));
    await send(relay.url, withKey(claude.request(), ["x-cc-relay-account", key, "x-api-key", relayKey]));
  }
  assert.ok(authorization.requests.length > 0 && upstream.requests.length > 20);
  const metrics = await send(relay.url, { path: `/metrics?${query(relayKey)}` });
  assertNoSecret(metrics.text, secrets());

  relay.kill("SIGTERM");
  await relay.exited;
  const lines = relay.stderr().trim().split("\n");
  assert.ok(lines.length > 30);
  for (const line of lines) {
    const entry = JSON.parse(line) as Record<string, unknown>;
    assert.ok(typeof entry.msg === "string" && typeof entry.level === "string" && entry.time, line);
  }
  assertNoSecret(relay.stderr(), secrets());
  assert.equal(relay.stdout(), "");
});

test("reasons in the database hold no secret either", async (t) => {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const authorization = await startAuthorizationServer();
  t.after(() => authorization.close());
  // A token may look like anything, and is in no configuration.
  const access_token = "a-token-like-any-other-word";
  authorization.faults = [{ kind: "lie", change: (answer) => ({ ...answer, access_token }) }];
  const login = testAccount("login", "claude-oauth", upstream.url, { secret: authorization.issue() });
  const relay = await startRelay({
    accounts: [login],
    configure: (config) => ({
      ...config,
      oauth: { claude: { tokenUrl: `${authorization.url}/token` }, gemini: {} },
    }),
  });
  t.after(() => relay.close());
  upstream.on(
    () => true,
    (request) => claudeError(402, { message: echo(request) }),
  );
  const told = await send(relay.url, claude.request());
  assert.equal(upstream.requests[0]?.credential, access_token);
  const [cooldown] = await until("the account is in cooldown", async () => {
    const cooldowns = await relay.store.accounts.cooldowns();
    return cooldowns.length > 0 && cooldowns;
  });
  assert.match(cooldown!.reason, /^refused \*\*\*/);
  assertNoSecret(JSON.stringify(cooldown) + JSON.stringify(relay.log) + told.text, [access_token]);
});

test("without keys and accounts a client's own key passes through, and is in no line", async (t) => {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const folder = await createServeFolder(t);
  await folder.configure(`[upstream]\nclaude_url = "${upstream.url}"\n`, 'log_level = "trace"');
  const relay = await folder.start();
  for (const behaviour of echoes) {
    upstream.on(() => true, behaviour);
    for (const headers of [
      ["x-api-key", wrongKey],
      ["authorization", `Bearer ${wrongKey}`],
    ])
      await send(relay.url, withKey(claude.request(), headers)).catch(() => {});
  }
  assert.ok(upstream.requests.length >= 2 * echoes.length);
  for (const { credential } of upstream.requests) assert.equal(credential, wrongKey);
  relay.kill("SIGTERM");
  await relay.exited;
  assertNoSecret(relay.stderr(), [wrongKey]);
});
