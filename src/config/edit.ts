// The changes that `login` and `accounts` make to the text of config.toml. Comments, order, line breaks and everything else stay as
// they are. No edit leaves here before its result was parsed and compared with what was intended.

import { UserError } from "../domain/errors.ts";
import type { LoginExtras } from "../domain/token-store.ts";
import type { ProxySettings } from "../network/proxy.ts";
import { describeSyntax, parseDocument, parseToml } from "./parse.ts";
import { ConfigError, type KeyPath, printable } from "./problem.ts";
import { appendLines, insertBelow, insertElement, insertPair, removeAt, replaceValue } from "./toml-edit.ts";
import {
  formatInlineTable,
  formatLines,
  formatValue,
  type NestedFields,
  type TomlFields,
  type TomlLeaf,
} from "./toml-format.ts";
import { readLayout } from "./toml-layout.ts";

/** An account in the names of the file. */
export interface AccountValues {
  type: string;
  name?: string;
  priority?: number;
  enabled?: boolean;
  api_url?: string;
  insecure_http?: boolean;
  api_key?: string;
  api_key_env?: string;
  refresh_token?: string;
  setup_token?: string;
  setup_token_expires?: string;
  auth?: "x-api-key" | "bearer" | "none";
  model_map?: Readonly<Record<string, string>>;
  models?: readonly string[];
  refuses?: readonly string[];
  /** What the provider adds to a login, by its keys. */
  extras?: LoginExtras | undefined;
  proxy?: ProxySettings;
}

/** Keys that are left out stay as they are; null removes one. */
export type AccountChanges = { [Key in keyof Omit<AccountValues, "extras">]?: AccountValues[Key] | null } & {
  extras?: Readonly<Record<string, string | null>> | undefined;
};

/** Adds an account behind the others. Throws a UserError when the id is taken. */
export function addAccount(text: string, id: string, values: AccountValues): string {
  const document = parseText(text);
  if (findPositions(document, id).length > 0)
    throw new UserError(`there is an account ${id} already`, { fix: "give the new one another id" });
  const { proxy, extras, ...leaves } = values;
  const fields = { id, ...dropUndefined({ ...leaves, ...extras }) } as NestedFields;
  const table: NestedFields = proxy === undefined ? {} : { proxy: readProxyFields(proxy) };
  const after =
    Array.isArray(document.accounts) && !hasHeaders(text)
      ? insertElement(text, ["accounts"], formatInlineTable({ ...fields, ...table }))
      : appendLines(text, ["[[accounts]]", ...formatLines(fields), ...(proxy ? formatProxy(proxy) : [])]);
  return verify(text, after, (intended) => {
    intended.accounts = [...accountsOf(intended), { ...fields, ...table }];
  });
}

/** Changes keys of an account, those alone that have another value. Throws a UserError when there is none with the id. */
export function changeAccount(text: string, id: string, changes: AccountChanges): string {
  const document = parseText(text);
  const position = findPosition(document, id);
  const path = ["accounts", position];
  const account = accountsOf(document)[position]!;
  const { proxy, extras, ...rest } = changes;
  const leaves = { ...rest, ...extras };
  const withLeaves = applyLeaves(text, leaves, { path, known: account });
  const after = proxy === undefined ? withLeaves : applyProxy(withLeaves, proxy, { path, known: account });
  return verify(text, after, (intended) => {
    const target = accountsOf(intended)[position]!;
    for (const [key, value] of Object.entries({ ...leaves, proxy })) {
      if (value === null) delete target[key];
      else if (value !== undefined) target[key] = isTable(value) ? dropUndefined(value) : value;
    }
  });
}

/** Throws a UserError when there is no account with the id. */
export function setAccountEnabled(text: string, id: string, { enabled }: { enabled: boolean }): string {
  const document = parseText(text);
  const account = accountsOf(document)[findPosition(document, id)]!;
  // Without the key an account is enabled: nothing to write.
  return (account.enabled ?? true) === enabled ? text : changeAccount(text, id, { enabled });
}

/** Removes an account with all of its lines; comments around them stay. Throws a UserError when there is none with the id. */
export function removeAccount(text: string, id: string): string {
  const position = findPosition(parseText(text), id);
  return verify(text, removeAt(text, ["accounts", position]), (intended) => {
    intended.accounts = accountsOf(intended).toSpliced(position, 1);
  });
}

type Table = Record<string, unknown>;

function parseText(text: string): Table {
  const parsed = parseToml(text);
  if (!parsed.ok) throw new ConfigError([describeSyntax(parsed, undefined)]);
  return parsed.data;
}

function accountsOf(document: Table): Table[] {
  return Array.isArray(document.accounts) ? document.accounts.filter(isTable) : [];
}

function findPositions(document: Table, id: string): number[] {
  return accountsOf(document).flatMap((account, position) => (account.id === id ? [position] : []));
}

function findPosition(document: Table, id: string): number {
  const [position, ...others] = findPositions(document, id);
  if (position === undefined) {
    throw new UserError(`there is no account ${printable(id, 100)} in the file`, {
      fix: "give an id that is in the file",
    });
  }
  if (others.length > 0) {
    throw new UserError(`${others.length + 1} accounts in the file have the id ${id}`, {
      fix: "give every account its own id",
    });
  }
  return position;
}

/** `[[accounts]]` above each, not `accounts = [ {…} ]`. */
function hasHeaders(text: string): boolean {
  return readLayout(text).some(({ path }) => path[0] === "accounts");
}

function formatProxy(proxy: ProxySettings): string[] {
  return ["", "[accounts.proxy]", ...formatLines(readProxyFields(proxy))];
}

function readProxyFields(proxy: ProxySettings): TomlFields {
  return dropUndefined({ ...proxy }) as TomlFields;
}

interface Target {
  /** Of the table whose keys change. */
  path: KeyPath;
  /** Its data before. */
  known: Table;
}

function applyLeaves(text: string, changes: Table, { path, known }: Target): string {
  let result = text;
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined || isSame(known[key], value ?? undefined)) continue;
    if (value === null) result = removeAt(result, [...path, key]);
    else
      result = applyLeaf(result, {
        path,
        key,
        value: formatValue(value as TomlLeaf | TomlFields),
        isNew: !(key in known),
      });
  }
  return result;
}

interface Leaf {
  path: KeyPath;
  key: string;
  /** As TOML. */
  value: string;
  isNew: boolean;
}

function applyLeaf(text: string, { path, key, value, isNew }: Leaf): string {
  const pair = `${key} = ${value}`;
  if (isNew) return insertPair(text, path, pair) ?? refuse();
  const place = [...path, key];
  // A table that has lines of its own, `[accounts.model_map]`, has no value to replace.
  return replaceValue(text, place, value) ?? insertPair(removeAt(text, place), path, pair) ?? refuse();
}

function applyProxy(text: string, proxy: ProxySettings | null, { path, known }: Target): string {
  const place = [...path, "proxy"];
  if (proxy === null) return removeAt(text, place);
  if (isTable(known.proxy)) {
    const leaves = { type: proxy.type, host: proxy.host, port: proxy.port };
    const login = { username: proxy.username ?? null, password: proxy.password ?? null };
    return applyLeaves(text, { ...leaves, ...login }, { path: place, known: known.proxy });
  }
  const after =
    insertBelow(text, path, formatProxy(proxy)) ??
    insertPair(text, path, `proxy = ${formatInlineTable(readProxyFields(proxy))}`);
  return after ?? refuse();
}

/** The edited text, once it is sure to say the old document with the intended change and nothing else. */
function verify(before: string, after: string | undefined, change: (document: Table) => void): string {
  if (after === undefined) return refuse();
  const intended = parseDocument(before);
  change(intended);
  const result = parseToml(after);
  const isRight =
    result.ok && isSame(withoutEmptyAccounts(parseDocument(after)), withoutEmptyAccounts(intended));
  return isRight ? after : refuse();
}

function refuse(): never {
  throw new UserError("the accounts are written in a way that this command cannot change safely", {
    fix: "change the file by hand, or write every account below its own [[accounts]] line",
  });
}

/** Without its last `[[accounts]]` a file has no list at all, with `accounts = []` an empty one. */
function withoutEmptyAccounts(document: Table): Table {
  const { accounts, ...rest } = document;
  return Array.isArray(accounts) && accounts.length === 0 ? rest : document;
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function dropUndefined(table: Table): Table {
  return Object.fromEntries(Object.entries(table).filter(([, value]) => value !== undefined));
}

/** Whether two TOML documents say the same; the order of keys does not count. */
function isSame(one: unknown, other: unknown): boolean {
  // Dotted keys can nest as deep as the text is long: no recursion.
  const open: [unknown, unknown][] = [[one, other]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [left, right] = pair;
    if (Object.is(left, right)) continue;
    if (!isNode(left) || !isNode(right) || Array.isArray(left) !== Array.isArray(right)) return false;
    if (left instanceof Date || right instanceof Date) {
      if (!isSameDate(left, right)) return false;
      continue;
    }
    const keys = Object.keys(left);
    if (keys.length !== Object.keys(right).length) return false;
    for (const key of keys) {
      if (!Object.hasOwn(right, key)) return false;
      open.push([left[key], right[key]]);
    }
  }
  return true;
}

function isNode(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isSameDate(left: unknown, right: unknown): boolean {
  // TomlDate's own form distinguishes a date, a time and an offset, its number does not.
  return left instanceof Date && right instanceof Date && left.toISOString() === right.toISOString();
}
