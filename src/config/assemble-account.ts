// Builds one account out of a checked file's data, and says what is doubtful about it.

import {
  type AccountKind,
  type AccountKinds,
  extrasKeys,
  findKind,
  isOfClients,
} from "../account-kinds/account-kind.ts";
import type { CredentialKind } from "../account-kinds/credential.ts";
import { type Family, providerUrls } from "../domain/family.ts";
import type { LoginExtras } from "../domain/token-store.ts";
import { type JsonObject, textOf } from "../json/json-values.ts";
import { type ProxySettings, withoutBrackets } from "../network/proxy.ts";
import { findCompatibleHost } from "./compatible-hosts.ts";
import type { AccountConfig, ConfigWarning } from "./config.ts";
import type { Environment } from "./environment.ts";
import { findCredentialDoubt } from "./key-shapes.ts";
import type { ConfigData } from "./schema.ts";
import { readApiUrl } from "./url.ts";

type AccountData = ConfigData["accounts"][number];

/** An account of a checked file, and its kind. */
export interface KindedData {
  data: AccountData;
  kind: AccountKind;
}

export function kindOf({ type }: AccountData, kinds: AccountKinds): AccountKind {
  const kind = findKind(kinds, type);
  if (kind === undefined)
    throw new Error(`no kind of account is called ${type}: the rules should have found it`);
  return kind;
}

export function readAccount({ data, kind }: KindedData, env: Environment["env"]): AccountConfig {
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
    extras: readExtras({ data, kind }),
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

function readExtras({ data, kind }: KindedData): LoginExtras | undefined {
  const given = Object.keys(extrasKeys(kind)).flatMap((key) => {
    const value = textOf((data as JsonObject)[key]);
    return value === undefined ? [] : [[key, value] as const];
  });
  return given.length === 0 ? undefined : Object.fromEntries(given);
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

export function warnOfRetiredHost({ data: { id, api_url }, kind }: KindedData): ConfigWarning[] {
  if (api_url === undefined || kind.defaultUrl === undefined || !hasRetiredHost(kind, api_url)) return [];
  const { hostname } = new URL(api_url);
  const fact = `the account ${id} names the host ${hostname}, where nothing ever answered; ${new URL(kind.defaultUrl).hostname} is used`;
  return [{ fact, fix: `write api_url = "${kind.defaultUrl}" or remove the line` }];
}

/** The providers themselves answer nobody without one. */
export function warnOfMissingKey({ data: { id, auth, api_url }, kind }: KindedData): ConfigWarning[] {
  if (auth !== "none" || api_url !== undefined || kind.defaultUrl === undefined) return [];
  const fact = `the account ${id} sends no key (auth = "none") to ${new URL(kind.defaultUrl).hostname}`;
  return [{ fact, fix: "write the api_url of the host that needs none, or an api_key in place of auth" }];
}

/** Doubtful but possible: it is said, and the account is used all the same. */
export function warnOfCredential({ id, family, apiUrl, credential, secret }: AccountConfig): ConfigWarning[] {
  const key = credentialKeys[credential];
  if (key === undefined || secret === "") return [];
  const doubt = findCredentialDoubt(key, secret, { family, apiUrl });
  return doubt === undefined ? [] : [{ fact: `the ${key} of account ${id} ${doubt.what}`, fix: doubt.fix }];
}

/** Undefined for a credential that is not in the file. */
const credentialKeys = {
  "api-key": "api_key",
  "refresh-token": "refresh_token",
  "setup-token": "setup_token",
  client: undefined,
  none: undefined,
} as const satisfies Record<CredentialKind, string | undefined>;

/** The limits of one are the other's, and a refresh token that is good once ends the login of the account that sends it second. */
export function warnOfSharedCredential(
  account: AccountConfig,
  at: number,
  all: AccountConfig[],
): ConfigWarning[] {
  const { id, family, credential, secret } = account;
  const key = isOfClients(account) ? "login, the client's own" : credentialKeys[credential];
  if (key === undefined || (secret === "" && !isOfClients(account))) return [];
  const first = all.findIndex(
    (other) => other.family === family && other.credential === credential && other.secret === secret,
  );
  if (first === at) return [];
  const both = `the accounts ${all[first]!.id} and ${id} have the same ${key}`;
  const rotates = key === "refresh_token" && account.kind.login?.provider({}).rotates === true;
  if (!rotates) return [{ fact: `${both}, and what limits one limits the other`, fix: "remove one of them" }];
  const fix = {
    instruction: "remove one of them, or log in again with:",
    command: `cc-relay login ${family} --id ${id}`,
  };
  return [{ fact: `${both}, and each will end the other's login`, fix }];
}
