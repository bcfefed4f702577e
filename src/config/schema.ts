// Every key of config.toml: what it takes, its default, and the message for a wrong value. Rules between keys are in rules.ts and account-rules.ts.

import * as z from "zod";
import { type AccountKinds, extrasKeys, loginSections } from "../account-kinds/account-kind.ts";
import { families, providerUrls } from "../domain/family.ts";
import { notifyEvents } from "./config.ts";
import {
  choice,
  figure,
  flag,
  keyNotes,
  list,
  noFault,
  record,
  refuseEmptyChain,
  refuseEmptyCommand,
  refuseEmptyEvents,
  refuseEmptyList,
  table,
  text,
  url,
  whole,
} from "./schema-fields.ts";
import {
  findAllowedHostFault,
  findDateFault,
  findHostFault,
  findIdFault,
  findKeyFault,
  findModelFault,
  findNameFault,
  findOriginFault,
  findPathFault,
  findProxyUrlFault,
  findScopesFault,
  findTokenFault,
  findVariableNameFault,
  findWordFault,
} from "./text-faults.ts";
import { findReceiverUrlFault, findUrlShapeFault } from "./url.ts";

const day = 86_400;
const year = 365 * day;

const clientKey = z
  .union([
    text(findKeyFault, "a key", '"KEY"'),
    table('{ name = "laptop", key = "KEY" }', {
      name: text(findNameFault, "a name", 'name = "laptop"'),
      key: text(findKeyFault, "a key", 'key = "KEY"'),
    }),
  ])
  .register(keyNotes, {
    expected: 'a string or { name = "…", key = "…" }',
    write: '"KEY" or { name = "laptop", key = "KEY" }',
  });

const server = table("[server]", {
  host: text(findHostFault, "an address or host name", 'host = "127.0.0.1"').default("127.0.0.1"),
  port: whole({ from: 0, to: 65_535 }, "port = 3000").default(3000),
  database_path: text(findPathFault, "a path", 'database_path = "data/relay.db"').default("data/relay.db"),
  log_level: choice(["trace", "debug", "info", "warn", "error"], 'log_level = "info"').default("info"),
  max_body_mb: figure({ above: 0, to: 1024 }, "max_body_mb = 64").default(64),
  max_converted_mb: figure({ above: 0, to: 1024 }, "max_converted_mb = 16").default(16),
  memory_mb: figure({ above: 0, to: 1_048_576 }, "memory_mb = 512").default(512),
  allowed_hosts: list(
    text(findAllowedHostFault, "a host name", '"relay.example.com"'),
    'allowed_hosts = ["relay.example.com"]',
  ).default([]),
  allowed_origins: list(
    text(findOriginFault, "an origin", '"app://obsidian.md"'),
    'allowed_origins = ["app://obsidian.md"]',
  ).default([]),
  drain_seconds: figure({ from: 0, to: day }, "drain_seconds = 30").default(30),
});

const session = table("[session]", {
  sticky_ttl_seconds: figure({ from: 0, to: year }, "sticky_ttl_seconds = 3600").default(3600),
  renewal_threshold_seconds: figure({ from: 0, to: year }, "renewal_threshold_seconds = 300").default(300),
  unavailable_cooldown_seconds: figure({ from: 0, to: year }, "unavailable_cooldown_seconds = 3600").default(
    3600,
  ),
  switch_at_utilization: figure({ above: 0, to: 1 }, "switch_at_utilization = 0.98").default(0.98),
  max_wait_seconds: figure({ from: 0, to: day }, "max_wait_seconds = 5").default(5),
  hold_seconds: figure({ from: 0, to: day }, "hold_seconds = 0").default(0),
  foreign_after_seconds: figure({ from: 0, to: year }, "foreign_after_seconds = 300").default(300),
});

/** The two first limits have no default here: where only one is written, the other's default gives way to it. */
const upstream = table("[upstream]", {
  connect_timeout_seconds: figure({ above: 0, to: day }, "connect_timeout_seconds = 10").optional(),
  first_byte_timeout_seconds: figure({ above: 0, to: day }, "first_byte_timeout_seconds = 300").optional(),
  unstreamed_timeout_seconds: figure({ above: 0, to: day }, "unstreamed_timeout_seconds = 900").default(900),
  idle_timeout_seconds: figure({ above: 0, to: day }, "idle_timeout_seconds = 300").default(300),
  max_attempts: whole({ from: 1, to: 100 }, "max_attempts = 5").default(5),
  claude_url: url(`claude_url = "${providerUrls.claude}"`).optional(),
  gemini_url: url(`gemini_url = "${providerUrls.gemini}"`).optional(),
  openai_url: url(`openai_url = "${providerUrls.openai}"`).optional(),
  chatgpt_url: url(`chatgpt_url = "${providerUrls.chatgpt}"`).optional(),
  code_assist_url: url(`code_assist_url = "${providerUrls.codeAssist}"`).optional(),
  websocket: flag("websocket = true").default(true),
});

const usage = table("[usage]", {
  retention_days: figure({ above: 0, to: 36_500 }, "retention_days = 400").default(400),
});

const modelTarget = text(findModelFault, "a model's name", '"MODEL"');

const models = record(
  z.union([modelTarget, list(modelTarget, '["MODEL", "NEXT"]').check(refuseEmptyChain)]).register(keyNotes, {
    expected: "a model's name or a list of them",
    write: '"PATTERN" = "MODEL" or "PATTERN" = ["MODEL", "NEXT"]',
  }),
  '[models] with lines such as "claude-opus-*" = "claude-opus-5-5"',
);

const ui = table("[ui]", { enabled: flag("enabled = true").optional() });

const notify = table("[[notify]]", {
  webhook: text(findReceiverUrlFault, "a URL", 'webhook = "https://HOST/PATH"').optional(),
  ntfy: text(findReceiverUrlFault, "a topic's URL", 'ntfy = "https://ntfy.sh/TOPIC"').optional(),
  command: list(text(noFault, "a program or argument", '"PROGRAM"'), 'command = ["PROGRAM", "ARGUMENT"]')
    .check(refuseEmptyCommand)
    .optional(),
  events: list(choice(notifyEvents, '"needs-login"'), 'events = ["needs-login", "family-out"]')
    .check(refuseEmptyEvents)
    .optional(),
  after_seconds: figure({ from: 0, to: day }, "after_seconds = 60").default(60),
  quiet_seconds: figure({ from: 0, to: year }, "quiet_seconds = 900").default(900),
  window_threshold: figure({ above: 0, to: 1 }, "window_threshold = 0.9").default(0.9),
  proxy: text(findProxyUrlFault, "the address of a proxy", 'proxy = "http://HOST:3128"').optional(),
});

const proxy = table("[accounts.proxy]", {
  type: choice(["socks5", "socks5h", "http", "https", "none"], 'type = "socks5"'),
  host: text(noFault, "an address or host name", 'host = "127.0.0.1"').optional(),
  port: whole({ from: 0, to: 65_535 }, "port = 1080").optional(),
  username: text(noFault, "a name", 'username = "NAME"').optional(),
  password: text(noFault, "a password", 'password = "PASSWORD"').optional(),
});

const accountKeys = {
  // Which types there are is not known here: see account-rules.ts.
  type: text(noFault, "a type of account", 'type = "claude-api"'),
  id: text(findIdFault, "an id", 'id = "claude-1"'),
  name: text(findNameFault, "a name", 'name = "Work"').optional(),
  priority: whole({}, "priority = 100").default(100),
  enabled: flag("enabled = true").default(true),
  family: choice(families, 'family = "claude"').optional(),
  // Where plain http may go depends on insecure_http: see account-rules.ts.
  api_url: text(findUrlShapeFault, "a URL", 'api_url = "https://api.anthropic.com"').optional(),
  insecure_http: flag("insecure_http = true").default(false),
  api_key: text(findTokenFault, "a key", 'api_key = "KEY"').optional(),
  api_key_env: text(
    findVariableNameFault,
    "the name of an environment variable",
    'api_key_env = "ANTHROPIC_API_KEY"; a key itself belongs into api_key',
  ).optional(),
  refresh_token: text(findTokenFault, "a token", 'refresh_token = "TOKEN"').optional(),
  setup_token: text(findTokenFault, "a token", 'setup_token = "TOKEN"').optional(),
  setup_token_expires: z
    .union([text(findDateFault, "a date", "2027-01-31"), z.symbol()])
    .register(keyNotes, { expected: "a date", write: "setup_token_expires = 2027-01-31" })
    .optional(),
  auth: choice(["x-api-key", "bearer", "none"], 'auth = "bearer"').optional(),
  model_map: record(modelTarget, 'model_map = { "*opus*" = "MODEL", "*" = "MODEL" }').optional(),
  context_window: whole({ from: 1, to: 1_000_000_000 }, "context_window = 200000").optional(),
  refuses: list(text(findWordFault, "a kind of content", '"image"'), 'refuses = ["image"]').optional(),
  heal_signatures: flag("heal_signatures = false").default(false),
  only_when_out: flag("only_when_out = true").optional(),
  models: list(text(findWordFault, "a pattern of model ids", '"*opus*"'), 'models = ["*opus*"]')
    .check(refuseEmptyList)
    .optional(),
  proxy: proxy.optional(),
};

/** With the keys that single providers have for what they add to a login. */
function account(kinds: AccountKinds) {
  const extras = Object.values(kinds).flatMap((kind) => Object.entries(extrasKeys(kind)));
  const own = extras.map(([key, { expected, write }]) => [
    key,
    text(findWordFault, expected, write).optional(),
  ]);
  return table("[[accounts]]", { ...accountKeys, ...(Object.fromEntries(own) as object) });
}

/** Every provider of logins takes the same keys. */
const oauthKeys = {
  authorize_url: url('authorize_url = "https://HOST/PATH"').optional(),
  token_url: url('token_url = "https://HOST/PATH"').optional(),
  client_id: text(findTokenFault, "an id", 'client_id = "ID"').optional(),
  client_secret: text(findTokenFault, "a secret", 'client_secret = "SECRET"').optional(),
  redirect_uri: url('redirect_uri = "http://localhost:PORT/callback"').optional(),
  scopes: z
    .union([
      text(findScopesFault, "scopes", '"SCOPE SCOPE"'),
      list(text(findWordFault, "a scope", '"SCOPE"'), 'scopes = ["SCOPE", "SCOPE"]'),
    ])
    .register(keyNotes, { expected: "a string or a list of strings", write: 'scopes = ["SCOPE", "SCOPE"]' })
    .optional(),
};

/** What does not depend on the kinds of account. Made once: each of these costs more than reading a file with it. */
const sections = {
  api_keys: list(clientKey, 'api_keys = ["KEY"]').default([]),
  server: server.prefault({}),
  session: session.prefault({}),
  upstream: upstream.prefault({}),
  usage: usage.prefault({}),
  models: models.default({}),
  ui: ui.prefault({}),
  notify: z
    .array(notify)
    .register(keyNotes, {
      expected: "a list of tables",
      write: "[[notify]], in double brackets, above each receiver",
    })
    .default([]),
};

/** There is a section `[oauth.NAME]` for every provider of logins. */
export function createConfigSchema(kinds: AccountKinds) {
  const logins = loginSections(kinds);
  const oauth = logins.map((name) => [name, table(`[oauth.${name}]`, oauthKeys).optional()] as const);
  return table("a table", {
    ...sections,
    oauth: table(logins.map((name) => `[oauth.${name}]`).join(" or "), Object.fromEntries(oauth)).prefault(
      {},
    ),
    accounts: z
      .array(account(kinds))
      .register(keyNotes, {
        expected: "a list of tables",
        write: "[[accounts]], in double brackets, above each account",
      })
      .default([]),
  });
}

export type ConfigSchema = ReturnType<typeof createConfigSchema>;

/** A configuration in the units and with the names of the file, every default filled in. */
export type ConfigData = z.output<ConfigSchema>;
