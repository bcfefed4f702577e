// The configuration as the rest of the program sees it: validated, in code units, with every default filled in.

import type { AccountKind } from "../account-kinds/account-kind.ts";
import type { CredentialKind } from "../account-kinds/credential.ts";
import type { OAuthOverrides } from "../account-kinds/oauth-provider.ts";
import { type Advice, fixText } from "../domain/errors.ts";
import type { Family, ProviderName } from "../domain/family.ts";
import type { LoginExtras } from "../domain/token-store.ts";
import type { EnvironmentProxySettings } from "../network/environment-proxy.ts";
import type { ProxySettings } from "../network/proxy.ts";

export interface Config {
  /** Absolute path of the file that was read; undefined when there is none. */
  file: string | undefined;
  server: ServerConfig;
  session: SessionConfig;
  upstream: UpstreamConfig;
  usage: { retentionMs: number };
  /** `[models]`, in the order of the file; empty: no name is ever replaced. */
  models: readonly ModelReplacement[];
  /** `enabled` undefined: where the relay listens on a loopback address only. */
  ui: { enabled: boolean | undefined };
  notify: readonly NotifyConfig[];
  /** By the section of a kind's login source. */
  oauth: Readonly<Record<string, OAuthConfig | undefined>>;
  /** Empty: no client key is needed. Names are unique; a bare string gets the name `key-1`, `key-2` … by position. */
  apiKeys: ClientKey[];
  /** Names that `x-cc-relay-key` may give a client where no key is needed: those of a demo's own traffic. */
  demoClients?: readonly string[];
  accounts: AccountConfig[];
  /** HTTP(S)_PROXY of the environment, for accounts that have no proxy of their own. Loopback targets never use it. */
  environmentProxy: EnvironmentProxySettings | undefined;
  /** Problems that do not stop anything; no secrets. */
  warnings: readonly ConfigWarning[];
}

export interface ConfigWarning {
  /** What is doubtful, as a sentence without a full stop. */
  fact: string;
  /** What to write or run instead, as an instruction; undefined: nothing is known. */
  fix: Advice | undefined;
}

/** As one line, for a log. */
export function describeWarning({ fact, fix }: ConfigWarning): string {
  return fix === undefined ? fact : `${fact}: ${fixText(fix)}`;
}

export interface ServerConfig {
  host: string;
  port: number;
  /** Absolute. */
  databasePath: string;
  logLevel: "trace" | "debug" | "info" | "warn" | "error";
  maxBodyBytes: number;
  /** The limit of bodies that have to be converted. */
  maxConvertedBytes: number;
  /** What bodies being received, decoded or converted may hold together. */
  memoryBytes: number;
  allowedHosts: string[];
  /** Exact origins that may call model routes with a key; never one without api_keys. */
  allowedOrigins: string[];
  drainMs: number;
}

export interface SessionConfig {
  stickyTtlMs: number;
  renewalThresholdMs: number;
  unavailableCooldownMs: number;
  /** A fraction: windows at or above it rank behind accounts with room. */
  switchAtUtilization: number;
  maxWaitMs: number;
  holdMs: number;
  /** How long every other account must be out for before a last resort serves. */
  foreignAfterMs: number;
}

export interface UpstreamConfig {
  connectTimeoutMs: number;
  firstByteTimeoutMs: number;
  /** Until the answer of a request that is no stream. */
  unstreamedTimeoutMs: number;
  idleTimeoutMs: number;
  maxAttempts: number;
  /** Where pass-through and `client` accounts go; no trailing slash. */
  providerUrls: Readonly<Record<ProviderName, string>>;
  /** Whether WebSocket is offered where an account has it. */
  websocket: boolean;
}

export interface ModelReplacement {
  /** A glob over the model's name as the client sends it. */
  pattern: string;
  /** Never empty: the name that is sent, and what follows when no account can serve it. */
  targets: readonly string[];
}

/** The events that a receiver of notifications can get. */
export const notifyEvents = [
  "cooldown",
  "needs-login",
  "account-back",
  "family-out",
  "family-back",
  "window",
  "storage",
] as const;

export type NotifyEvent = (typeof notifyEvents)[number];

export interface NotifyConfig {
  receiver:
    | { kind: "webhook"; url: string }
    | { kind: "ntfy"; url: string }
    | { kind: "command"; command: readonly string[] };
  events: readonly NotifyEvent[];
  /** How long a state must last before the notification is sent. */
  afterMs: number;
  /** How long the same event of the same account or family is not sent again. */
  quietMs: number;
  /** A fraction: the utilisation from which `window` is sent. */
  windowThreshold: number;
  /** Undefined: the environment's. */
  proxy: ProxySettings | undefined;
}

/** Overrides of a provider's OAuth endpoints; undefined: the built-in value. */
export type OAuthConfig = OAuthOverrides;

export interface ClientKey {
  name: string;
  key: string;
}

export interface AccountConfig {
  id: string;
  name: string;
  /** As written; what has to be known about such accounts is in `kind`. */
  type: string;
  kind: AccountKind;
  family: Family;
  /** Higher is tried first. */
  priority: number;
  enabled: boolean;
  /** No trailing slash, `/v1` or `/v1/messages`; for the openai family it ends in its version. */
  apiUrl: string;
  credential: CredentialKind;
  /** The api_key (also from api_key_env), refresh_token or setup_token as configured; "" where there is none. */
  secret: string;
  /** When the setup token ends, epoch ms, as configured; undefined: not given, or the credential is another one. */
  secretExpiresAt: number | undefined;
  proxy: ProxySettings | undefined;
  /** Glob patterns of model ids; undefined: every model. */
  models: string[] | undefined;
  /** What the file gives of what the provider adds to a login; undefined: found at first use. */
  extras: LoginExtras | undefined;
  /** How the key is sent; undefined: as the provider itself wants it. */
  auth: "x-api-key" | "bearer" | undefined;
  /** First match counts; a model without one is not served. Undefined: names are sent as they come. */
  modelMap: readonly { pattern: string; model: string }[] | undefined;
  /** In tokens; undefined: not known. */
  contextWindow: number | undefined;
  /** Kinds of content that the endpoint does not take (`image`, `document`, …). */
  refuses: readonly string[];
  /** Repeats a request without thinking blocks after the provider refused their signatures. */
  healSignatures: boolean;
  /** Serves only what no other account can serve for long. */
  onlyWhenOut: boolean;
}
