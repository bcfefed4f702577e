// Builds the configuration out of a checked file's data: code units, absolute paths, one spelling of every URL.

import type { AccountKinds, LoginSource } from "../account-kinds/account-kind.ts";
import { type Family, type ProviderName, providerUrls } from "../domain/family.ts";
import { readProxyUrl, withoutBrackets } from "../network/proxy.ts";
import {
  kindOf,
  readAccount,
  warnOfCredential,
  warnOfMissingKey,
  warnOfRetiredHost,
  warnOfSharedCredential,
} from "./assemble-account.ts";
import {
  type ClientKey,
  type Config,
  type ConfigWarning,
  type NotifyConfig,
  notifyEvents,
  type OAuthConfig,
  type ServerConfig,
  type SessionConfig,
  type UpstreamConfig,
} from "./config.ts";
import { type Environment, readEnvironmentProxy } from "./environment.ts";
import { nameByPosition } from "./rules.ts";
import type { ConfigData } from "./schema.ts";
import { readApiUrl } from "./url.ts";

export interface AssembleOptions {
  file: string | undefined;
  /** Absolute. */
  databasePath: string;
  env: Environment["env"];
  /** Every kind that an account of the data can be of. */
  kinds: AccountKinds;
}

/** Expects data in which neither the schema nor the rules find a fault. */
export function assembleConfig(
  data: ConfigData,
  { file, databasePath, env, kinds }: AssembleOptions,
): Config {
  const kinded = data.accounts.map((account) => ({ data: account, kind: kindOf(account, kinds) }));
  const accounts = kinded.map((account) => readAccount(account, env));
  return {
    file,
    server: readServer(data.server, databasePath),
    session: readSession(data.session),
    upstream: readUpstream(data.upstream),
    usage: { retentionMs: inMs(data.usage.retention_days * secondsPerDay) },
    models: Object.entries(data.models).map(([pattern, target]) => ({ pattern, targets: [target].flat() })),
    ui: { enabled: data.ui.enabled },
    notify: data.notify.map(readNotify),
    oauth: readLogins(data.oauth, { env, kinds }),
    apiKeys: data.api_keys.map(readClientKey),
    accounts,
    environmentProxy: readEnvironmentProxy(env),
    warnings: [
      ...warnOfOpenHosts(data),
      ...data.api_keys.flatMap(warnOfClientKey),
      ...kinded.flatMap(warnOfRetiredHost),
      ...kinded.flatMap(warnOfMissingKey),
      ...accounts.flatMap(warnOfCredential),
      ...accounts.flatMap(warnOfSharedCredential),
    ],
  };
}

const secondsPerDay = 86_400;
const bytesPerMb = 1024 * 1024;

/** Bound to loopback nobody else gets in, until a proxy or a tunnel in front passes such a name on. */
function warnOfOpenHosts({ api_keys, server }: ConfigData): ConfigWarning[] {
  if (api_keys.length > 0 || server.allowed_hosts.length === 0) return [];
  const names = server.allowed_hosts.join(", ");
  const fact = `server.allowed_hosts names ${names} and there are no api_keys, so everybody who reaches the relay under such a name uses your accounts`;
  return [{ fact, fix: "set api_keys at the top of the file" }];
}

function inMs(seconds: number): number {
  return Math.round(seconds * 1000);
}

function readServer(data: ConfigData["server"], databasePath: string): ServerConfig {
  return {
    host: withoutBrackets(data.host),
    port: data.port,
    databasePath,
    logLevel: data.log_level,
    maxBodyBytes: Math.floor(data.max_body_mb * bytesPerMb),
    maxConvertedBytes: Math.floor(data.max_converted_mb * bytesPerMb),
    memoryBytes: Math.floor(data.memory_mb * bytesPerMb),
    allowedHosts: data.allowed_hosts,
    allowedOrigins: data.allowed_origins,
    drainMs: inMs(data.drain_seconds),
  };
}

function readSession(data: ConfigData["session"]): SessionConfig {
  return {
    stickyTtlMs: inMs(data.sticky_ttl_seconds),
    renewalThresholdMs: inMs(data.renewal_threshold_seconds),
    unavailableCooldownMs: inMs(data.unavailable_cooldown_seconds),
    switchAtUtilization: data.switch_at_utilization,
    maxWaitMs: inMs(data.max_wait_seconds),
    holdMs: inMs(data.hold_seconds),
    foreignAfterMs: inMs(data.foreign_after_seconds),
  };
}

function readUpstream(data: ConfigData["upstream"]): UpstreamConfig {
  const urlOf = (provider: ProviderName, url: string | undefined, family: Family) =>
    url === undefined ? providerUrls[provider] : readApiUrl(url, family);
  return {
    ...readConnectLimits(data),
    unstreamedTimeoutMs: inMs(data.unstreamed_timeout_seconds),
    idleTimeoutMs: inMs(data.idle_timeout_seconds),
    maxAttempts: data.max_attempts,
    providerUrls: {
      claude: urlOf("claude", data.claude_url, "claude"),
      gemini: urlOf("gemini", data.gemini_url, "gemini"),
      openai: urlOf("openai", data.openai_url, "openai"),
      // Its paths have no version.
      chatgpt: data.chatgpt_url?.replace(/(?<!\/)\/+$/, "") ?? providerUrls.chatgpt,
      codeAssist: urlOf("codeAssist", data.code_assist_url, "gemini"),
    },
    websocket: data.websocket,
  };
}

const usualConnectSeconds = 10;
const usualFirstByteSeconds = 300;

/** An answer comes after its connection: of two limits that contradict each other the one that is written counts. */
function readConnectLimits(data: ConfigData["upstream"]) {
  const { connect_timeout_seconds: connect, first_byte_timeout_seconds: firstByte } = data;
  return {
    connectTimeoutMs: inMs(connect ?? Math.min(usualConnectSeconds, firstByte ?? usualFirstByteSeconds)),
    firstByteTimeoutMs: inMs(firstByte ?? Math.max(usualFirstByteSeconds, connect ?? usualConnectSeconds)),
  };
}

type NotifyData = ConfigData["notify"][number];

function readNotify(data: NotifyData): NotifyConfig {
  return {
    receiver: readReceiver(data),
    events: data.events ?? notifyEvents,
    afterMs: inMs(data.after_seconds),
    quietMs: inMs(data.quiet_seconds),
    windowThreshold: data.window_threshold,
    proxy: data.proxy === undefined ? undefined : readProxyUrl(data.proxy),
  };
}

/** The rules see to it that there is one. */
function readReceiver({ webhook, ntfy, command }: NotifyData): NotifyConfig["receiver"] {
  if (webhook !== undefined) return { kind: "webhook", url: webhook };
  if (ntfy !== undefined) return { kind: "ntfy", url: ntfy };
  return { kind: "command", command: command ?? [] };
}

function readLogins(
  sections: ConfigData["oauth"],
  { env, kinds }: Pick<AssembleOptions, "env" | "kinds">,
): Config["oauth"] {
  const logins = Object.values(kinds).flatMap(({ login }) => login ?? []);
  const read = logins.map(({ section, clientVariables }) => {
    const overrides = { ...readClient(clientVariables, env), ...readOAuth(sections[section] ?? {}) };
    return [section, overrides] as const;
  });
  return Object.fromEntries(read.filter(([, overrides]) => Object.keys(overrides).length > 0));
}

function readClient(variables: LoginSource["clientVariables"], env: Environment["env"]): OAuthConfig {
  const clientId = variables && env[variables.id]?.trim();
  const clientSecret = variables && env[variables.secret]?.trim();
  return { ...(clientId ? { clientId } : {}), ...(clientSecret ? { clientSecret } : {}) };
}

function readOAuth(data: NonNullable<ConfigData["oauth"][string]>): OAuthConfig {
  const { authorize_url, token_url, client_id, client_secret, redirect_uri, scopes } = data;
  return {
    ...(authorize_url === undefined ? {} : { authorizeUrl: authorize_url }),
    ...(token_url === undefined ? {} : { tokenUrl: token_url }),
    ...(client_id === undefined ? {} : { clientId: client_id }),
    ...(client_secret === undefined ? {} : { clientSecret: client_secret }),
    ...(redirect_uri === undefined ? {} : { redirectUri: redirect_uri }),
    ...(scopes === undefined ? {} : { scopes: readScopes(scopes) }),
  };
}

function readScopes(scopes: string | string[]): string[] {
  return typeof scopes === "string" ? scopes.trim().split(/\s+/) : scopes;
}

type ClientKeyData = ConfigData["api_keys"][number];

function readClientKey(data: ClientKeyData, position: number): ClientKey {
  return typeof data === "string" ? { name: nameByPosition(position), key: data } : data;
}

function warnOfClientKey(data: ClientKeyData, position: number): ConfigWarning[] {
  const { name, key } = readClientKey(data, position);
  const fitsHeader = key === key.trim() && /^[\x20-\x7e]*$/.test(key);
  if (fitsHeader) return [];
  return [
    { fact: `the client key ${name} has characters that clients cannot send in a header`, fix: undefined },
  ];
}
