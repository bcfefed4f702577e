// The configuration as the rest of the program sees it: validated, in code units, with every default filled in.

import type { AccountType, Family } from "../family.ts";
import type { EnvironmentProxySettings } from "../network/environment-proxy.ts";
import type { ProxySettings } from "../network/proxy.ts";

export interface Config {
  /** Absolute path of the file that was read; undefined when there is none. */
  file: string | undefined;
  server: ServerConfig;
  session: SessionConfig;
  upstream: UpstreamConfig;
  usage: { retentionMs: number };
  oauth: { claude: OAuthConfig; gemini: OAuthConfig };
  /** Empty: no client key is needed. Names are unique; a bare string gets the name `key-1`, `key-2` … by position. */
  apiKeys: ClientKey[];
  accounts: AccountConfig[];
  /** HTTP(S)_PROXY of the environment, for accounts that have no proxy of their own. Loopback targets never use it. */
  environmentProxy: EnvironmentProxySettings | undefined;
  /** Problems that do not stop anything, one sentence each, no secrets. */
  warnings: string[];
}

export interface ServerConfig {
  host: string;
  port: number;
  /** Absolute. */
  databasePath: string;
  logLevel: "trace" | "debug" | "info" | "warn" | "error";
  maxBodyBytes: number;
  allowedHosts: string[];
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
}

export interface UpstreamConfig {
  connectTimeoutMs: number;
  firstByteTimeoutMs: number;
  idleTimeoutMs: number;
  maxAttempts: number;
  /** Where pass-through goes, per family; undefined: the provider's own address. */
  passthroughUrls: Record<Family, string | undefined>;
}

/** Overrides of a provider's OAuth endpoints; undefined: the built-in value. */
export interface OAuthConfig {
  authorizeUrl?: string;
  tokenUrl?: string;
  clientId?: string;
  clientSecret?: string;
  redirectUri?: string;
  scopes?: string[];
}

export interface ClientKey {
  name: string;
  key: string;
}

export interface AccountConfig {
  id: string;
  name: string;
  type: AccountType;
  family: Family;
  /** Higher is tried first. */
  priority: number;
  enabled: boolean;
  /** No trailing slash, `/v1` or `/v1/messages`; for openai-responses it ends in `/v1`. */
  apiUrl: string;
  /** The api_key (also from api_key_env) or the refresh_token as configured. */
  secret: string;
  proxy: ProxySettings | undefined;
  /** Glob patterns of model ids; undefined: every model. */
  models: string[] | undefined;
  /** Google Cloud project for Code Assist accounts; undefined: found out at first use. */
  project: string | undefined;
}
