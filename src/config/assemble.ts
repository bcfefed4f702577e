// Builds the configuration out of a checked file's data: code units, absolute paths, one spelling of every URL.

import {
  type AccountKind,
  type AccountKinds,
  findKind,
  type LoginSource,
} from "../account-kinds/account-kind.ts";
import { type Family, type ProviderName, providerUrls } from "../domain/family.ts";
import { type ProxySettings, readProxyUrl, withoutBrackets } from "../network/proxy.ts";
import { findCompatibleHost } from "./compatible-hosts.ts";
import {
  type AccountConfig,
  type ClientKey,
  type Config,
  type ConfigWarning,
  type CredentialKind,
  type NotifyConfig,
  notifyEvents,
  type OAuthConfig,
  type ServerConfig,
  type SessionConfig,
  type UpstreamConfig,
} from "./config.ts";
import { type Environment, readEnvironmentProxy } from "./environment.ts";
import { findCredentialDoubt } from "./key-shapes.ts";
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
  const accounts = data.accounts.map((account) => ({ data: account, kind: kindOf(account, kinds) }));
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
    accounts: accounts.map((account) => readAccount(account, env)),
    environmentProxy: readEnvironmentProxy(env),
    warnings: [
      ...warnOfOpenHosts(data),
      ...data.api_keys.flatMap(warnOfClientKey),
      ...accounts.flatMap(warnOfRetiredHost),
      ...accounts.flatMap((account) => warnOfCredential(account, env)),
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
type AccountData = ConfigData["accounts"][number];

function readClientKey(data: ClientKeyData, position: number): ClientKey {
  return typeof data === "string" ? { name: nameByPosition(position), key: data } : data;
}

interface KindedData {
  data: AccountData;
  kind: AccountKind;
}

function kindOf({ type }: AccountData, kinds: AccountKinds): AccountKind {
  const kind = findKind(kinds, type);
  if (kind === undefined)
    throw new Error(`no kind of account is called ${type}: the rules should have found it`);
  return kind;
}

function readAccount({ data, kind }: KindedData, env: Environment["env"]): AccountConfig {
  const family = kind.family ?? data.family ?? "claude";
  const apiUrl = readAccountUrl({ data, kind }, family);
  const host = kind.compatible ? findCompatibleHost(apiUrl) : undefined;
  const auth = data.auth ?? host?.auth;
  const credential = readCredentialKind({ data, kind }, auth);
  const fromVariable = data.api_key_env === undefined ? undefined : env[data.api_key_env]?.trim();
  return {
    id: data.id,
    name: data.name ?? data.id,
    type: data.type,
    kind,
    family,
    priority: data.priority,
    enabled: data.enabled,
    apiUrl,
    credential,
    secret:
      credential === "none"
        ? ""
        : (data.refresh_token ?? data.setup_token ?? data.api_key ?? fromVariable ?? ""),
    secretExpiresAt: readDate(data.setup_token_expires),
    proxy: data.proxy === undefined ? undefined : readProxy(data.proxy),
    models: data.models,
    project: data.project,
    auth: auth === "none" ? undefined : auth,
    modelMap:
      data.model_map && Object.entries(data.model_map).map(([pattern, model]) => ({ pattern, model })),
    contextWindow: data.context_window ?? host?.contextWindow,
    refuses: data.refuses ?? host?.refuses ?? [],
    healSignatures: data.heal_signatures,
    onlyWhenOut: data.only_when_out ?? (data.model_map !== undefined || host !== undefined),
  };
}

function readCredentialKind({ data, kind }: KindedData, auth: AccountData["auth"]): CredentialKind {
  if (data.setup_token !== undefined) return "setup-token";
  const usual = usualCredential(kind);
  if (usual !== "api-key") return usual;
  const hasKey = data.api_key !== undefined || data.api_key_env !== undefined;
  // Where the host alone asks for none, a key that is written is meant to be sent.
  return data.auth === "none" || (auth === "none" && !hasKey) ? "none" : "api-key";
}

/** What accounts of a kind have unless their settings say otherwise. */
export function usualCredential({ credentials }: AccountKind): CredentialKind {
  switch (credentials[0]) {
    case "api_key":
      return "api-key";
    case "refresh_token":
      return "refresh-token";
    case "setup_token":
      return "setup-token";
    default:
      return "client";
  }
}

/** A date of TOML is a symbol that describes it: see parse.ts. */
function readDate(date: string | symbol | undefined): number | undefined {
  return date === undefined
    ? undefined
    : Date.parse(typeof date === "symbol" ? (date.description ?? "") : date);
}

function readAccountUrl({ data: { api_url }, kind }: KindedData, family: Family): string {
  const usual = kind.defaultUrl ?? providerUrls[family];
  return api_url === undefined || hasRetiredHost(kind, api_url) ? usual : readApiUrl(api_url, family);
}

function hasRetiredHost({ retiredHosts }: AccountKind, apiUrl: string): boolean {
  return retiredHosts.includes(new URL(apiUrl).hostname);
}

function readProxy(data: NonNullable<AccountData["proxy"]>): ProxySettings | undefined {
  const { type, host, port, username, password } = data;
  if (type === "none" || host === undefined) return undefined;
  return {
    type,
    host: withoutBrackets(host),
    port: port ?? socksPort,
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
  };
}

/** RFC 1928. Other proxies have no usual port; the rules demand it. */
const socksPort = 1080;

function warnOfClientKey(data: ClientKeyData, position: number): ConfigWarning[] {
  const { name, key } = readClientKey(data, position);
  const fitsHeader = key === key.trim() && /^[\x20-\x7e]*$/.test(key);
  if (fitsHeader) return [];
  return [
    { fact: `the client key ${name} has characters that clients cannot send in a header`, fix: undefined },
  ];
}

function warnOfRetiredHost({ data: { id, api_url }, kind }: KindedData): ConfigWarning[] {
  if (api_url === undefined || kind.defaultUrl === undefined || !hasRetiredHost(kind, api_url)) return [];
  const { hostname } = new URL(api_url);
  const fact = `the account ${id} names the host ${hostname}, where nothing ever answered; ${new URL(kind.defaultUrl).hostname} is used`;
  return [{ fact, fix: `write api_url = "${kind.defaultUrl}" or remove the line` }];
}

/** Doubtful but possible: it is said, and the account is used all the same. */
function warnOfCredential({ data, kind }: KindedData, env: Environment["env"]): ConfigWarning[] {
  const family = kind.family ?? data.family;
  if (family === undefined) return [];
  const { id, api_url, auth } = data;
  // Another provider behind the same API has keys of other forms.
  const apiUrl = api_url === undefined ? undefined : readAccountUrl({ data, kind }, family);
  return credentialKeys.flatMap((key) => {
    const fromVariable =
      key === "api_key" && data.api_key_env !== undefined ? env[data.api_key_env]?.trim() : undefined;
    const secret = data[key] ?? fromVariable;
    if (secret === undefined || secret === "" || auth === "none") return [];
    const doubt = findCredentialDoubt(key, secret, { family, apiUrl });
    return doubt === undefined ? [] : [{ fact: `the ${key} of account ${id} ${doubt.what}`, fix: doubt.fix }];
  });
}

const credentialKeys = ["api_key", "refresh_token", "setup_token"] as const;

/** The limits of one are the other's, and a refresh token that is good once ends the login of the account that sends it second. */
function warnOfSharedCredential({ data, kind }: KindedData, at: number, all: KindedData[]): ConfigWarning[] {
  return credentialKeys.flatMap((key) => {
    if (data[key] === undefined) return [];
    const first = all.findIndex(
      (other) => other.kind.family === kind.family && other.data[key] === data[key],
    );
    if (first === at) return [];
    const both = `the accounts ${all[first]!.data.id} and ${data.id} have the same ${key}`;
    const rotates = key === "refresh_token" && kind.login?.provider({}).rotates === true;
    if (!rotates)
      return [{ fact: `${both}, and what limits one limits the other`, fix: "remove one of them" }];
    const fix = `remove one of them, or log in again with: cc-relay login ${kind.family} --id ${data.id}`;
    return [{ fact: `${both}, and each will end the other's login`, fix }];
  });
}
