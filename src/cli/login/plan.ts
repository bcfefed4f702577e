// Which account a login is for, and what it writes about it.

import type { AccountConfig, Config } from "../../config/config.ts";
import { type AccountValues, addAccount, changeAccount } from "../../config/edit.ts";
import { UserError } from "../../errors.ts";
import { type AccountType, accountTypes, type Family } from "../../family.ts";
import type { ProxySettings } from "../../network/proxy.ts";
import type { LoginOptions } from "./options.ts";
import type { LoginPlace } from "./place.ts";

export type Credential = "api_key" | "refresh_token";

export interface AccountPlan {
  id: string;
  family: Family;
  /** As it is configured; undefined for a new one. */
  existing: AccountConfig | undefined;
  /** There is a credential that would be replaced. */
  replaces: boolean;
  /** Undefined: stays as it is. */
  name: string | undefined;
  priority: number | undefined;
  newProxy: ProxySettings | undefined;
  /** What the login itself goes through: the new one, else the one that the account has. */
  proxy: ProxySettings | undefined;
}

export function planAccount({ config, unfinished }: LoginPlace, options: LoginOptions): AccountPlan {
  const { family, name, priority, proxy } = options;
  const id = options.id ?? chooseId(config, unfinished, options);
  const existing = config.accounts.find((account) => account.id === id);
  if (existing !== undefined && existing.family !== family) throw otherFamily(existing, family);
  return {
    id,
    family,
    existing,
    replaces: existing !== undefined && !unfinished.includes(id),
    name: name === id && existing === undefined ? undefined : name,
    priority,
    newProxy: proxy,
    proxy: proxy ?? existing?.proxy,
  };
}

/** The `type` of a family's accounts with such a credential; undefined where there are none. */
export function findType(family: Family, credential: Credential): AccountType | undefined {
  const types = Object.keys(accountTypes) as AccountType[];
  return types.find(
    (type) => accountTypes[type].family === family && accountTypes[type].credential === credential,
  );
}

export interface AccountEntry {
  type: AccountType;
  /** The API key or the refresh token. */
  secret: string;
  /** Google Cloud project, when it has to stand in the file. */
  project?: string | undefined;
}

/** The edit of the file that gives the account its credential. */
export function writeEntry(plan: AccountPlan, entry: AccountEntry): (text: string) => string {
  const { id, existing } = plan;
  if (existing === undefined) return (text) => addAccount(text, id, newEntry(plan, entry));
  const { type, secret, project } = entry;
  const isLogin = accountTypes[type].credential === "refresh_token";
  const changes = {
    ...(type === existing.type ? {} : { type }),
    // Google's two kinds of account are at different hosts, and only one of them works in a project.
    ...(type !== existing.type && type.startsWith("gemini") ? { api_url: null, project: null } : {}),
    ...(isLogin
      ? { refresh_token: secret, api_key: null, api_key_env: null }
      : { api_key: secret, api_key_env: null, refresh_token: null }),
    ...(project === undefined ? {} : { project }),
    name: plan.name,
    priority: plan.priority,
    proxy: plan.newProxy,
  };
  return (text) => changeAccount(text, id, changes);
}

/** What a person would write for the account by hand. */
export function newEntry(plan: AccountPlan, { type, secret, project }: AccountEntry): AccountValues {
  const { name, priority, proxy } = plan;
  return { type, name, priority, [accountTypes[type].credential ?? "api_key"]: secret, project, proxy };
}

/** The account that waits for its login, else `claude`, `claude-2`, … */
function chooseId(
  { accounts }: Config,
  unfinished: readonly string[],
  { family, apiKey }: LoginOptions,
): string {
  const waiting = accounts.find((account) => account.family === family && unfinished.includes(account.id));
  if (waiting !== undefined && !apiKey) return waiting.id;
  const taken = new Set(accounts.map(({ id }) => id));
  for (let number = 1; ; number++) {
    const id = number === 1 ? family : `${family}-${number}`;
    if (!taken.has(id)) return id;
  }
}

function otherFamily({ id, type, family }: AccountConfig, wanted: Family): UserError {
  return new UserError(`the account ${id} is of type ${type}, and not for ${wanted}`, {
    fix: `choose another id, or for that account run: cc-relay login ${family} --id ${id}`,
    exitCode: 2,
  });
}
