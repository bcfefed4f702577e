// `cc-relay login` beside a relay that runs: it says whether the relay has the account, and the relay serves with it.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type RelayApp, startRelayApp } from "../../src/app/relay-app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { sightFile } from "../../src/config/watch.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { claudeError } from "../support/claude-script.ts";
import { type ClientAnswer, send } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { until } from "../support/until.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { agreeAt, createLoginPlace, type LoginPlace, oauthToml } from "./login-support.ts";

let authorization: AuthorizationServer;
let upstream: ScriptedUpstream;
let place: LoginPlace;
let app: RelayApp;

beforeEach(async () => {
  authorization = await startAuthorizationServer();
  upstream = await startUpstream({ family: "claude" });
  place = await createLoginPlace(`api_keys = ["client-key"]

[server]
port = 0

[[accounts]]
id = "first"
type = "claude-api"
api_key = "sk-ant-api03-first"
api_url = "${upstream.url}"

[[accounts]]
id = "max"
type = "claude-oauth"
refresh_token = "revoked-long-ago"
api_url = "${upstream.url}"

${oauthToml(authorization)}`);
});
afterEach(async () => {
  await app.close();
  await place.close();
  await upstream.close();
  await authorization.close();
});

/** @param watched the file that the relay reads; another one than `login` writes when it is undefined. */
async function start(watched: string | undefined): Promise<{ host: string; port: number }> {
  const read = () => loadConfig({ environment: place.environment, kinds: accountKinds });
  const config = await read();
  app = await startRelayApp({
    config,
    readConfig: async () => (watched === undefined ? config : await read()),
    watchedFiles: watched === undefined ? [] : [sightFile(watched)],
    log: silentLog,
    version: "0.0.0-test",
  });
  return { host: app.host, port: app.port };
}

function ask(account: string): Promise<ClientAnswer> {
  return send(`http://127.0.0.1:${app.port}`, {
    method: "POST",
    path: "/v1/messages",
    headers: ["anthropic-version", "2023-06-01", "x-api-key", "client-key", "x-cc-relay-account", account],
    body: { model: "claude-opus-5-5", max_tokens: 10, messages: [{ role: "user", content: "hi" }] },
  });
}

describe("beside a running relay, login", () => {
  it("says that the relay has taken a new account", async () => {
    const daemon = await start(place.configFile);
    const { stderr, code } = await place.login("claude --api-key", {
      daemon,
      stdin: ["sk-ant-api03-new-one-long-enough"],
    });
    assert.equal(code, 0);
    assert.equal(
      stderr,
      `✓ claude is added: claude-api, key sk-ant****
  written to ${place.configFile}
  the relay at http://127.0.0.1:${app.port} has taken it
  - to see how the accounts are doing, run: cc-relay accounts list
`,
    );
    assert.deepEqual(
      app.config().accounts.map(({ id }) => id),
      ["first", "max", "claude"],
    );
  });

  it("says that the relay has not taken it when it reads another file", async () => {
    const daemon = await start(undefined);
    const { stderr, code } = await place.login("claude --api-key", {
      daemon,
      stdin: ["sk-ant-api03-new-one-long-enough"],
    });
    assert.equal(code, 0);
    assert.match(
      stderr,
      /\n {2}! the relay at http:\/\/127\.0\.0\.1:\d+ has not taken it: it may read another file, or say in its log what it minds\n/,
    );
  });

  it("brings an account back whose key was refused", async () => {
    const daemon = await start(place.configFile);
    upstream.on(
      ({ credential }) => credential === "sk-ant-api03-first",
      claudeError(401, { type: "authentication_error", message: "invalid x-api-key" }),
    );
    assert.equal((await ask("first")).status, 503);
    const database = app.config().server.databasePath;
    const cooldowns = () => place.store(database, async ({ accounts }) => accounts.cooldowns());
    await until("the cooldown is written down", async () => (await cooldowns()).length > 0);
    const call = { daemon, stdin: ["sk-ant-api03-second-long-enough"] };
    const { stderr } = await place.login("claude --id first --api-key --yes", call);
    assert.match(
      stderr,
      /^✓ first is refreshed: .*\n.*\n {2}the relay at http:\/\/127\.0\.0\.1:\d+ takes it within a second\n/,
    );
    await until(
      "it takes effect within a second",
      async () => (await ask("first")).status === 200,
      patient(1000),
    );
    assert.deepEqual(await cooldowns(), []);
  });

  it("brings a dead login back, and its first request needs no refresh", async () => {
    const daemon = await start(place.configFile);
    assert.equal((await ask("max")).status, 503);
    assert.deepEqual(grants(), ["refresh_token"]);

    const browser = async (url: string) => void (await agreeAt(url));
    const call = { daemon, browser, env: { DISPLAY: ":0" }, at: Date.now() };
    const { stderr } = await place.login("claude --id max --yes", call);
    assert.match(stderr, /\n✓ max is refreshed: claude-oauth, person@example\.com\n/);
    await until(
      "the relay has read it",
      () => app.config().accounts[1]?.secret !== "revoked-long-ago",
      patient(1000),
    );
    assert.equal((await ask("max")).status, 200);
    const { credential } = upstream.requests.at(-1)!;
    assert.ok(authorization.accepts(credential ?? ""));
    assert.deepEqual(grants(), ["refresh_token", "authorization_code"]);
  });
});

const grants = () => authorization.requests.map(({ grantType }) => grantType);
