// Plans a login: which account it is for, what is written about it, and the question before a credential is replaced.

import { type AccountKind, type CredentialKey, extrasKeys } from "../../account-kinds/account-kind.ts";
import type { AccountConfig, Config } from "../../config/config.ts";
import { type AccountChanges, type AccountValues, addAccount, changeAccount } from "../../config/edit.ts";
import { UserError } from "../../domain/errors.ts";
import type { Family } from "../../domain/family.ts";
import type { LoginExtras } from "../../domain/token-store.ts";
import type { ProxySettings } from "../../network/proxy.ts";
import type { CommandContext } from "../context.ts";
import type { LoginOptions } from "./options.ts";
import type { LoginPlace } from "./place.ts";

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

/** @param baseId what a new account is called, with a number behind it where that is taken; undefined: as its family. */
export function planAccount(
  { config, unfinished }: LoginPlace,
  options: LoginOptions,
  baseId?: string,
): AccountPlan {
  const { family, name, priority, proxy } = options;
  const id =
    options.id ?? findWaiting({ config, unfinished }, options)?.id ?? freeId(config, baseId ?? family);
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

export interface AccountEntry {
  kind: AccountKind;
  /** The key of the file that carries the secret; undefined: the usual one of the kind. */
  key?: CredentialKey | undefined;
  /** Undefined: the account needs none. */
  secret: string | undefined;
  /** Host and models of a compatible upstream; null removes what the account had. */
  settings?: AccountChanges | undefined;
  /** What the provider adds to a login, when it has to be written to the file. */
  extras?: LoginExtras | undefined;
}

/** Every key that can carry a credential; an account has one of them. */
const noCredential = {
  api_key: null,
  api_key_env: null,
  refresh_token: null,
  setup_token: null,
  setup_token_expires: null,
};

/** The edit of the file that gives the account its credential. */
export function writeEntry(plan: AccountPlan, entry: AccountEntry): (text: string) => string {
  const { id, existing } = plan;
  if (existing === undefined) return (text) => addAccount(text, id, newEntry(plan, entry));
  const { kind, secret, settings, extras } = entry;
  const isAtOtherHost = kind.defaultUrl !== existing.kind.defaultUrl;
  const changes = {
    ...(kind.type === existing.type ? {} : { type: kind.type }),
    // Where two kinds are at different hosts, the address of one is of no use to the other.
    ...(isAtOtherHost ? { api_url: null } : {}),
    ...noCredential,
    [entry.key ?? usualKey(kind)]: secret ?? null,
    ...settings,
    extras: { ...(isAtOtherHost ? without(extrasKeys(existing.kind)) : {}), ...extras },
    name: plan.name,
    priority: plan.priority,
    proxy: plan.newProxy,
  };
  return (text) => changeAccount(text, id, changes);
}

/** What a person would write for the account by hand. */
export function newEntry(plan: AccountPlan, entry: AccountEntry): AccountValues {
  const { name, priority, proxy } = plan;
  const { kind, key, secret, settings = {}, extras } = entry;
  const written = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));
  return { type: kind.type, name, priority, ...written, [key ?? usualKey(kind)]: secret, extras, proxy };
}

function without(keys: object): Record<string, null> {
  return Object.fromEntries(Object.keys(keys).map((key) => [key, null]));
}

function usualKey({ credentials }: AccountKind): CredentialKey {
  return credentials[0] ?? "api_key";
}

/** The account that was written by hand and waits for its login; undefined where a key is added. */
function findWaiting(
  { config, unfinished }: Pick<LoginPlace, "config" | "unfinished">,
  { family, apiKey, compatible }: LoginOptions,
): AccountConfig | undefined {
  if (apiKey || compatible !== undefined) return undefined;
  return config.accounts.find((account) => account.family === family && unfinished.includes(account.id));
}

/** `claude`, `claude-2`, … */
function freeId({ accounts }: Config, base: string): string {
  const taken = new Set(accounts.map(({ id }) => id));
  for (let number = 1; ; number++) {
    const id = number === 1 ? base : `${base}-${number}`;
    if (!taken.has(id)) return id;
  }
}

function otherFamily({ id, type, family }: AccountConfig, wanted: Family): UserError {
  return new UserError(`the account ${id} is of type ${type}, and not for ${wanted}`, {
    fix: {
      instruction: "choose another id, or for that account run:",
      command: `cc-relay login ${family} --id ${id}`,
    },
    exitCode: 2,
  });
}

/** Throws a UserError unless the answer is yes, or nothing is replaced. */
export async function confirmReplacing(
  { prompts }: CommandContext,
  { plan, kind }: { plan: AccountPlan; kind: AccountKind },
  { yes }: LoginOptions,
): Promise<void> {
  const { existing, id, replaces } = plan;
  if (existing === undefined || !replaces || yes) return;
  if (!prompts.available) {
    throw new UserError(
      `the account ${id} is there already, and there is no terminal to ask whether to change it`,
      {
        fix: "to give it the new credential, add --yes; for another account, choose another --id",
        exitCode: 2,
      },
    );
  }
  const before = existing.kind.labels.credential;
  const after = kind.labels.credential;
  const by = before === after ? "" : ` by ${after === "login" ? "a" : "an"} ${after}`;
  const message = `${id} is there already (${existing.type}). Replace its ${before}${by}?`;
  if (await prompts.confirm({ message })) return;
  throw new UserError(`${id} was not changed`, { exitCode: 2 });
}
