// The predecessor's files, version 0.2.3, in the shapes that its users have.

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeWarning } from "../../src/config/config.ts";
import { defaultAccount } from "../../src/config/defaults.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { read } from "./support.ts";

const whole = `# cc-relay
api_keys = ["client-key-1", "client-key-2"]

[server]
host = "0.0.0.0"
port = 3000
database_path = "data/relay.db"
log_level = "debug"

[session]
sticky_ttl_seconds = 3600
renewal_threshold_seconds = 300
unavailable_cooldown_seconds = 1800

[[accounts]]
type = "claude-oauth"
id = "claude-1"
name = "Claude Max"
priority = 100
enabled = true
refresh_token = "REFRESH-1"
api_url = "https://api.anthropic.com"

[accounts.proxy]
type = "socks5"
host = "127.0.0.1"
port = 1080
username = "user"
password = "pass"

[[accounts]]
type = "claude-api"
id = "claude-2"
name = "Claude API"
priority = 50
enabled = false
api_key = "KEY-2"

[accounts.proxy]
type = "none"
host = ""
port = 0

[[accounts]]
type = "gemini"
id = "gemini-1"
name = "Gemini"
refresh_token = "REFRESH-3"
api_url = "https://cloudcode.googleapis.com"

[accounts.proxy]
type = "http"
host = "proxy.lan"
port = 3128

[[accounts]]
type = "openai-responses"
id = "codex-1"
name = "Codex"
api_key = "KEY-4"
api_url = "https://api.openai.com/v1"
`;

test("the predecessor's whole configuration loads unchanged", () => {
  const config = read(whole);
  assert.deepEqual(config.apiKeys, [
    { name: "key-1", key: "client-key-1" },
    { name: "key-2", key: "client-key-2" },
  ]);
  assert.deepEqual(config.server, {
    host: "0.0.0.0",
    port: 3000,
    databasePath: "/etc/relay/data/relay.db",
    logLevel: "debug",
    maxBodyBytes: 64 * 1024 * 1024,
    maxConvertedBytes: 16 * 1024 * 1024,
    memoryBytes: 512 * 1024 * 1024,
    allowedHosts: [],
    allowedOrigins: [],
    drainMs: 30_000,
  });
  assert.equal(config.session.stickyTtlMs, 3_600_000);
  assert.equal(config.session.renewalThresholdMs, 300_000);
  assert.equal(config.session.unavailableCooldownMs, 1_800_000);
  assert.deepEqual(config.accounts, [
    defaultAccount({
      id: "claude-1",
      name: "Claude Max",
      kind: accountKinds["claude-oauth"],
      apiUrl: "https://api.anthropic.com",
      secret: "REFRESH-1",
      proxy: { type: "socks5", host: "127.0.0.1", port: 1080, username: "user", password: "pass" },
    }),
    defaultAccount({
      id: "claude-2",
      name: "Claude API",
      kind: accountKinds["claude-api"],
      priority: 50,
      enabled: false,
      apiUrl: "https://api.anthropic.com",
      secret: "KEY-2",
    }),
    defaultAccount({
      id: "gemini-1",
      name: "Gemini",
      kind: accountKinds.gemini,
      apiUrl: "https://cloudcode-pa.googleapis.com",
      secret: "REFRESH-3",
      proxy: { type: "http", host: "proxy.lan", port: 3128 },
    }),
    defaultAccount({
      id: "codex-1",
      name: "Codex",
      kind: accountKinds["openai-responses"],
      apiUrl: "https://api.openai.com/v1",
      secret: "KEY-4",
    }),
  ]);
});

test("the predecessor's wrong host for Code Assist is replaced with a warning", () => {
  assert.deepEqual(read(whole).warnings.map(describeWarning), [
    'the account gemini-1 names the host cloudcode.googleapis.com, where nothing ever answered; cloudcode-pa.googleapis.com is used: write api_url = "https://cloudcode-pa.googleapis.com" or remove the line',
  ]);
});

test("its smallest configuration loads: a section and one account", () => {
  const text = '[server]\n[[accounts]]\ntype = "claude-api"\nid = "a"\nname = "A"\napi_key = "K"\n';
  const config = read(text);
  assert.equal(config.server.port, 3000);
  assert.equal(config.accounts[0]?.apiUrl, accountKinds["claude-api"].defaultUrl);
  assert.deepEqual(config.apiKeys, []);
});

test("an empty list of keys means that none is needed, as it did", () => {
  assert.deepEqual(read('api_keys = []\n[server]\nhost = "127.0.0.1"\n').apiKeys, []);
});

test("its Google client comes from the environment, and from the file where both are", () => {
  const env = { GEMINI_OAUTH_CLIENT_ID: "ID", GEMINI_OAUTH_CLIENT_SECRET: "SECRET" };
  assert.deepEqual(read("", env).oauth, { gemini: { clientId: "ID", clientSecret: "SECRET" } });
  assert.deepEqual(read('[oauth.gemini]\nclient_id = "MINE"', env).oauth.gemini, {
    clientId: "MINE",
    clientSecret: "SECRET",
  });
});
