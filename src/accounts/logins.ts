// What is learned of clients' own logins: an account of type `client` is one account per login that comes with requests, each
// with cooldowns and windows of its own. A login is known by a keyed hash only.

import { createHmac } from "node:crypto";
import { isOfClients } from "../account-kinds/account-kind.ts";
import type { AccountConfig } from "../config/config.ts";
import type { Family } from "../domain/family.ts";
import { type Account, createAccount } from "./account.ts";

/** The login that comes with a request. */
export interface RequestLogin {
  family: Family;
  hash: string;
}

export interface Logins {
  /** All of them, in no order. */
  readonly all: readonly Account[];
  /** The login on an account of the configuration; made when it was not seen before. */
  of(config: AccountConfig, login: string): Account;
  /** By the id of its rows in the store; undefined when its account is not configured. */
  byStateId(id: string, accounts: readonly Account[]): Account | undefined;
  /** What is known of an account, the last used first. */
  on(config: Pick<AccountConfig, "id">): Account[];
  /** Takes the settings of a new configuration; logins of accounts that are missing are let go of. */
  configure(accounts: readonly AccountConfig[]): void;
  /** Lets go of those that were not seen for long by a settled time, and of the oldest where there are too many; returns those that were used. */
  prune(now: number): Account[];
}

/** Tokens change, and a login comes back under another hash. */
export const forgetLoginAfterMs = 8 * 86_400_000;

/** More than the tokens that one person's clients use up in eight days; made-up ones cost no more than this. */
const maxLoginsPerAccount = 250;

export function createLogins(): Logins {
  const logins = new Map<string, Account>();

  function of(config: AccountConfig, login: string): Account {
    const id = stateIdOf({ config, login });
    const known = logins.get(id);
    if (known) return known;
    const account = createAccount(config, login);
    logins.set(id, account);
    return account;
  }

  function on({ id }: Pick<AccountConfig, "id">): Account[] {
    return [...logins.values()]
      .filter(({ config }) => config.id === id)
      .sort((a, b) => b.lastUsedAt - a.lastUsedAt);
  }

  return {
    get all() {
      return [...logins.values()];
    },
    of,
    on,

    byStateId(id, accounts) {
      const { accountId, login } = readStateId(id);
      const account = accounts.find(({ config }) => config.id === accountId && isOfClients(config));
      return login === undefined || !account ? undefined : of(account.config, login);
    },

    configure(configs) {
      for (const [id, account] of logins) {
        const config = configs.find((one) => one.id === account.config.id && isOfClients(one));
        if (config) account.config = config;
        else logins.delete(id);
      }
    },

    prune(now) {
      const byAccount = Map.groupBy(logins.values(), ({ config }) => config.id);
      const gone = [...byAccount.values()].flatMap((accounts) =>
        accounts
          .sort((a, b) => b.lastUsedAt - a.lastUsedAt)
          .filter(
            ({ lastUsedAt }, index) => lastUsedAt < now - forgetLoginAfterMs || index >= maxLoginsPerAccount,
          ),
      );
      for (const account of gone) logins.delete(stateIdOf(account));
      // What never served a request has no rows either.
      return gone.filter(({ lastUsedAt }) => lastUsedAt > 0);
    },
  };
}

/** Nobody who has only the hash can find out what it is of, or try what it could be of. */
export function createLoginHash(key: Buffer): (identity: string) => string {
  return (identity) => createHmac("sha256", key).update(identity).digest("hex").slice(0, 16);
}

/** Under which the store has what was learned; no id of an account holds a space. */
export function stateIdOf({ config, login }: Pick<Account, "config" | "login">): string {
  return login === undefined ? config.id : `${config.id} ${login}`;
}

export function readStateId(id: string): { accountId: string; login: string | undefined } {
  const [accountId = "", login] = id.split(" ");
  return { accountId, login };
}
