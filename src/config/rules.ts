// Rules between keys: what is well formed by itself and wrong together. Reads the document as it was written, so that its
// problems are found beside those of the schema; whatever has the wrong type is the schema's to report.

import { type AccountType, accountTypes } from "../family.ts";
import { isObject, type JsonObject } from "../json-values.ts";
import { isLoopbackHost } from "../network/loopback.ts";
import type { Environment } from "./environment.ts";
import type { Finding, KeyPath } from "./problem.ts";
import { findHostFault, findTokenFault, findVariableNameFault } from "./text-faults.ts";

export function findRuleFaults(document: JsonObject): Finding[] {
  const accounts = listOf(document.accounts);
  return [
    ...findKeyFaults(listOf(document.api_keys)),
    ...findExposure(document),
    ...findDuplicateIds(accounts),
    ...accounts.flatMap((account, index) => findAccountFaults(tableOf(account), ["accounts", index])),
  ];
}

/** Accounts whose `api_key_env` names a variable that is unset or holds no key. */
export function findVariableFaults(document: JsonObject, env: Environment["env"]): Finding[] {
  return listOf(document.accounts).flatMap((account, index) => {
    const { type, api_key_env } = tableOf(account);
    const name = textOf(api_key_env);
    if (name === undefined || findVariableNameFault(name) !== undefined) return [];
    if (isAccountType(type) && accountTypes[type].credential !== "api_key") return [];
    return checkVariable(name, env).map((fault) => ({ path: ["accounts", index, "api_key_env"], ...fault }));
  });
}

/** The name that a client key without one gets; positions count from 0. */
export function nameByPosition(position: number): string {
  return `key-${position + 1}`;
}

function findKeyFaults(entries: readonly unknown[]): Finding[] {
  const names = new Map<string, number>();
  const keys = new Map<string, number>();
  return entries.flatMap((entry, index) => {
    const { name, key } = readKeyEntry(entry, index);
    const findings: Finding[] = [];
    const sameKey = claim(keys, key, index);
    if (sameKey !== undefined) {
      const what = `is the same key as api_keys[${sameKey}]`;
      findings.push({ path: ["api_keys", index], what, fix: "remove one of the two" });
    }
    const sameName = claim(names, name, index);
    if (sameName !== undefined && typeof entry === "string") {
      findings.push({
        path: ["api_keys", index],
        what: `is called ${name} by its position, and api_keys[${sameName}] has that name`,
        fix: `give api_keys[${sameName}] another name`,
      });
    } else if (sameName !== undefined) {
      const what = `is also the name of api_keys[${sameName}]`;
      findings.push({ path: ["api_keys", index, "name"], what, fix: "give every key its own name" });
    }
    return findings;
  });
}

function readKeyEntry(entry: unknown, index: number): { name: string | undefined; key: string | undefined } {
  if (typeof entry === "string") return { name: nameByPosition(index), key: textOf(entry) };
  const { name, key } = tableOf(entry);
  return { name: textOf(name), key: textOf(key) };
}

/** Remembers who has the value first; returns who had it before. */
function claim(owners: Map<string, number>, value: string | undefined, index: number): number | undefined {
  if (value === undefined) return undefined;
  const owner = owners.get(value);
  if (owner === undefined) owners.set(value, index);
  return owner;
}

/** Only the owner spends: whoever can reach the relay uses the accounts. */
function findExposure(document: JsonObject): Finding[] {
  const host = textOf(tableOf(document.server).host);
  if (host === undefined || findHostFault(host) !== undefined || isLoopbackHost(host)) return [];
  if (listOf(document.api_keys).length > 0) return [];
  return [
    {
      path: ["server", "host"],
      what: "lets other machines in, and there are no api_keys to keep strangers from spending your accounts",
      fix: 'write api_keys = ["KEY"] above the first [section], or host = "127.0.0.1"',
    },
  ];
}

function findDuplicateIds(accounts: readonly unknown[]): Finding[] {
  const ids = new Map<string, number>();
  return accounts.flatMap((account, index) => {
    const owner = claim(ids, textOf(tableOf(account).id), index);
    if (owner === undefined) return [];
    const what = `is also the id of accounts[${owner}]`;
    return [{ path: ["accounts", index, "id"], what, fix: "give every account its own id" }];
  });
}

function findAccountFaults(account: JsonObject, path: KeyPath): Finding[] {
  const proxy = findProxyFaults(tableOf(account.proxy), [...path, "proxy"]);
  const { type } = account;
  if (!isAccountType(type)) return proxy;
  const credential =
    accountTypes[type].credential === "api_key"
      ? findApiKeyFaults(account, { type, path })
      : findRefreshTokenFaults(account, { type, path });
  return [...credential, ...findProjectFaults(account, { type, path }), ...proxy];
}

function isAccountType(type: unknown): type is AccountType {
  return typeof type === "string" && Object.hasOwn(accountTypes, type);
}

interface AccountPlace {
  type: AccountType;
  path: KeyPath;
}

function findApiKeyFaults(account: JsonObject, { type, path }: AccountPlace): Finding[] {
  if ("refresh_token" in account) {
    const what = `belongs to a login, and an account of type ${type} has an api_key`;
    const sibling = findSibling(type);
    const fix = `write api_key = "KEY" instead${sibling === undefined ? "" : `, or type = "${sibling}"`}`;
    return [{ path: [...path, "refresh_token"], what, fix }];
  }
  if ("api_key" in account && "api_key_env" in account) {
    const what = "stands beside api_key, and an account has one key";
    return [{ path: [...path, "api_key_env"], what, fix: "remove one of the two" }];
  }
  if ("api_key" in account || "api_key_env" in account) return [];
  const fix = 'write api_key = "KEY", or api_key_env = "NAME" to take it from the environment';
  return [{ path: [...path, "api_key"], what: "is missing", fix }];
}

function findRefreshTokenFaults(account: JsonObject, { type, path }: AccountPlace): Finding[] {
  const misplaced = ["api_key", "api_key_env"].filter((key) => key in account);
  const login = `run: cc-relay login ${accountTypes[type].family}`;
  if (misplaced.length > 0) {
    const what = `is for accounts with an API key, and an account of type ${type} has a refresh_token`;
    const fix = `write type = "${findSibling(type)}", or for the token ${login}`;
    return misplaced.map((key) => ({ path: [...path, key], what, fix }));
  }
  if ("refresh_token" in account) return [];
  return [{ path: [...path, "refresh_token"], what: "is missing", fix: login }];
}

/** The type of the same family with the other kind of credential. */
function findSibling(type: AccountType): string | undefined {
  const { family, credential } = accountTypes[type];
  return Object.entries(accountTypes).find(
    ([, info]) => info.family === family && info.credential !== credential,
  )?.[0];
}

function findProjectFaults(account: JsonObject, { type, path }: AccountPlace): Finding[] {
  if (!("project" in account) || type === "gemini") return [];
  const what = `is for accounts of type gemini, and this one is ${type}`;
  return [{ path: [...path, "project"], what, fix: "remove it" }];
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

/** Empty for anything but a table. */
function tableOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
