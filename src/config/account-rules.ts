// Rules between the keys of one account: its credential, its type, its addresses.

import {
  type AccountKind,
  type AccountKinds,
  extrasKeys,
  findKind,
  isOfClients,
} from "../account-kinds/account-kind.ts";
import { families } from "../domain/family.ts";
import { type JsonObject, listOf, tableOf, textOf } from "../json/json-values.ts";
import { findCompatibleHost } from "./compatible-hosts.ts";
import type { Environment } from "./environment.ts";
import type { Finding, KeyPath } from "./problem.ts";
import { nearestWord } from "./suggest.ts";
import { findHostFault, findTokenFault, findVariableNameFault, findWordFault } from "./text-faults.ts";
import { findUrlShapeFault, isOwnNetworkHost, isPlainToElsewhere, plainHttpFault } from "./url.ts";

/** Accounts whose `api_key_env` names a variable that is unset or holds no key. */
export function findVariableFaults(
  document: JsonObject,
  { env, kinds }: { env: Environment["env"]; kinds: AccountKinds },
): Finding[] {
  return listOf(document.accounts).flatMap((account, index) => {
    const { type, api_key_env } = tableOf(account);
    const name = textOf(api_key_env);
    if (name === undefined || findVariableNameFault(name) !== undefined) return [];
    if (findKind(kinds, type)?.credentials.includes("api_key") === false) return [];
    return checkVariable(name, env).map((fault) => ({ path: ["accounts", index, "api_key_env"], ...fault }));
  });
}

interface AccountSite {
  path: KeyPath;
  kinds: AccountKinds;
}

/** Everything that is wrong with one account beside its single values. */
export function findAccountFaults(account: JsonObject, { path, kinds }: AccountSite): Finding[] {
  const proxy = findProxyFaults(tableOf(account.proxy), [...path, "proxy"]);
  const type = textOf(account.type);
  if (type === undefined) return proxy;
  const kind = findKind(kinds, type);
  if (kind === undefined) return [describeUnknownType(type, { path, kinds }), ...proxy];
  const place = { kind, path, kinds };
  return [
    ...findCredentialFaults(account, place),
    ...findFamilyFaults(account, place),
    ...findMisplacedKeys(account, place),
    ...findAddressFaults(account, path),
    ...findPatternFaults(tableOf(account.model_map), [...path, "model_map"]),
    ...proxy,
  ];
}

function describeUnknownType(type: string, { path, kinds }: AccountSite): Finding {
  const types = Object.keys(kinds);
  const nearest = nearestWord(type, types);
  const fix = nearest === undefined ? 'write type = "claude-api"' : `did you mean type = "${nearest}"?`;
  const what = `must be one of ${types.map((each) => `"${each}"`).join(", ")}`;
  return { path: [...path, "type"], what, fix };
}

interface AccountPlace extends AccountSite {
  kind: AccountKind;
}

function findCredentialFaults(account: JsonObject, place: AccountPlace): Finding[] {
  switch (place.kind.credentials[0]) {
    case "api_key":
      return findApiKeyFaults(account, place);
    case "refresh_token":
    case "setup_token":
      return findLoginFaults(account, place);
    default:
      return findOwnCredentialFaults(account, place);
  }
}

function findApiKeyFaults(account: JsonObject, place: AccountPlace): Finding[] {
  const { kind, path } = place;
  const login = ["refresh_token", "setup_token"].find((key) => key in account);
  if (login !== undefined) {
    const what = `belongs to a login, and an account of type ${kind.type} has an api_key`;
    const sibling = findSibling(place);
    const fix = `write api_key = "KEY" instead${sibling === undefined ? "" : `, or type = "${sibling}"`}`;
    return [{ path: [...path, login], what, fix }];
  }
  if ("api_key" in account && "api_key_env" in account) {
    const what = "is there together with api_key, and an account has one key";
    return [{ path: [...path, "api_key_env"], what, fix: "remove one of the two" }];
  }
  if ("api_key" in account || "api_key_env" in account || needsNoKey(account, kind)) return [];
  const fix = 'write api_key = "KEY", or api_key_env = "NAME" to take it from the environment';
  return [{ path: [...path, "api_key"], what: "is missing", fix }];
}

function needsNoKey({ auth, api_url }: JsonObject, { compatible }: AccountKind): boolean {
  if (!compatible) return false;
  if (auth !== undefined) return auth === "none";
  const url = textOf(api_url);
  return url !== undefined && URL.canParse(url) && findCompatibleHost(url)?.auth === "none";
}

function findLoginFaults(account: JsonObject, place: AccountPlace): Finding[] {
  const { kind, path, kinds } = place;
  const misplaced = ["api_key", "api_key_env"].filter((key) => key in account);
  const command = `cc-relay login ${kind.family}`;
  if (misplaced.length > 0) {
    const what = `is for accounts with an API key, and an account of type ${kind.type} has a refresh_token`;
    const sibling = findSibling(place);
    const instruction = `${sibling === undefined ? "" : `write type = "${sibling}", or `}for the token run:`;
    return misplaced.map((key) => ({ path: [...path, key], what, fix: { instruction, command } }));
  }
  if ("setup_token" in account && !kind.credentials.includes("setup_token")) {
    const types = typesWith(kinds, ({ credentials }) => credentials.includes("setup_token"));
    const what = `is for accounts of type ${types}, and this one is ${kind.type}`;
    return [{ path: [...path, "setup_token"], what, fix: "remove it" }];
  }
  if ("setup_token" in account && "refresh_token" in account) {
    const what = "is there together with refresh_token, and an account has one credential";
    return [{ path: [...path, "setup_token"], what, fix: "remove one of the two" }];
  }
  if (kind.credentials.some((key) => key in account)) return [];
  return [
    { path: [...path, kind.credentials[0]!], what: "is missing", fix: { instruction: "run:", command } },
  ];
}

function findOwnCredentialFaults(account: JsonObject, { kind, path }: AccountPlace): Finding[] {
  const keys = ["api_key", "api_key_env", "refresh_token", "setup_token"].filter((key) => key in account);
  const what = `is of no use to an account of type ${kind.type}: what the client sends is forwarded`;
  return keys.map((key) => ({
    path: [...path, key],
    what,
    fix: "remove it, or give the account another type",
  }));
}

/** The type of the same family with the other kind of credential. */
function findSibling({ kind, kinds }: AccountPlace): string | undefined {
  return Object.values(kinds).find(
    ({ family, credentials }) => family === kind.family && credentials[0] !== kind.credentials[0],
  )?.type;
}

function findFamilyFaults(account: JsonObject, { kind, path }: AccountPlace): Finding[] {
  if (kind.family === undefined && account.family === undefined) {
    const choices = families.map((name) => `family = "${name}"`).join(" or ");
    return [{ path: [...path, "family"], what: "is missing", fix: `write ${choices}` }];
  }
  if (kind.family === undefined || !("family" in account) || account.family === kind.family) return [];
  const what = `is for accounts of type client, and one of type ${kind.type} is always for ${kind.family}`;
  return [{ path: [...path, "family"], what, fix: "remove it" }];
}

const compatibleKeys = ["auth", "model_map", "context_window", "refuses", "only_when_out"];

/** Keys that mean nothing to this kind of account: the person who wrote one expects something of it. */
function findMisplacedKeys(account: JsonObject, { kind, path, kinds }: AccountPlace): Finding[] {
  const findings: Finding[] = [];
  const misplace = (keys: readonly string[], what: string, fix = "remove it") => {
    for (const key of keys) if (key in account) findings.push({ path: [...path, key], what, fix });
  };
  for (const key of new Set(Object.values(kinds).flatMap((each) => Object.keys(extrasKeys(each))))) {
    if (key in extrasKeys(kind)) continue;
    const types = typesWith(kinds, (each) => key in extrasKeys(each));
    misplace([key], `is for accounts of type ${types}, and this one is ${kind.type}`);
  }
  if (!kind.compatible) {
    const types = typesWith(kinds, ({ compatible }) => compatible);
    misplace(compatibleKeys, `is for accounts of type ${types}, and this one is ${kind.type}`);
  }
  if ((kind.family ?? account.family) !== "claude") {
    misplace(
      ["heal_signatures"],
      "is about the thinking blocks of Claude, and this account is for another API",
    );
  }
  if (!("setup_token" in account)) {
    misplace(["setup_token_expires"], "is about a setup_token, and the account has none");
  }
  if (isOfClients({ kind })) {
    const what = "is not for the client's own credential, which goes to its provider alone";
    misplace(
      ["api_url", "insecure_http"],
      what,
      "remove it; [upstream] can name other addresses of the providers",
    );
  }
  return findings;
}

function typesWith(kinds: AccountKinds, isWanted: (kind: AccountKind) => boolean): string {
  return Object.values(kinds)
    .filter(isWanted)
    .map(({ type }) => type)
    .join(" and ");
}

function findAddressFaults({ api_url, insecure_http }: JsonObject, path: KeyPath): Finding[] {
  const url = textOf(api_url);
  if (url === undefined || findUrlShapeFault(url) !== undefined || !isPlainToElsewhere(url)) return [];
  const isOwn = isOwnNetworkHost(new URL(url).hostname);
  if (isOwn && insecure_http === true) return [];
  const fix = isOwn
    ? "write https, or insecure_http = true below it if you trust this network with the credential"
    : "write https";
  return [{ path: [...path, "api_url"], what: plainHttpFault, fix }];
}

function findProxyFaults(proxy: JsonObject, path: KeyPath): Finding[] {
  const { type, host, port } = proxy;
  if (!isProxyType(type)) return [];
  const findings: Finding[] = [];
  const fault =
    host === undefined ? "is missing" : typeof host === "string" ? findHostFault(host) : undefined;
  if (fault !== undefined) {
    findings.push({ path: [...path, "host"], what: fault, fix: 'write host = "127.0.0.1"' });
  }
  const needsPort = !type.startsWith("socks");
  if (port === 0 || (port === undefined && needsPort)) {
    const what = port === 0 ? "must be a whole number from 1 to 65535, and is 0" : "is missing";
    findings.push({ path: [...path, "port"], what, fix: `write port = ${needsPort ? 3128 : 1080}` });
  }
  return findings;
}

/** `none` needs nothing else. */
function isProxyType(type: unknown): type is string {
  return type === "socks5" || type === "socks5h" || type === "http" || type === "https";
}

/** The keys of a table that are patterns of model ids. */
export function findPatternFaults(table: JsonObject, path: KeyPath): Finding[] {
  return Object.keys(table).flatMap((pattern) => {
    const fault = findWordFault(pattern);
    if (fault === undefined) return [];
    return [{ path: [...path, pattern], what: fault, fix: 'write a pattern of model ids, such as "*opus*"' }];
  });
}

function checkVariable(name: string, env: Environment["env"]): Omit<Finding, "path">[] {
  // A name in the usual capitals can be shown; anything else may be a key in the wrong place.
  const variable = /^[A-Z][A-Z0-9_]{0,63}$/.test(name) ? `the variable ${name}` : "a variable";
  const value = env[name]?.trim() ?? "";
  if (value === "") {
    const fix = "set it where cc-relay is started; a key itself belongs into api_key";
    return [{ what: `names ${variable}, which is not set in the environment`, fix }];
  }
  const fault = findTokenFault(value);
  if (fault === undefined) return [];
  return [{ what: `names ${variable}, whose value ${fault}`, fix: "set it to the key alone" }];
}
