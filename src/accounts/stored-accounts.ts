// The accounts with all that was learned of them, kept in step with the store: read from it, written to it, forgotten in both.

import { isOfClients } from "../account-kinds/account-kind.ts";
import type { Config } from "../config/config.ts";
import type { AccountStore, ChangedAccounts, CooldownRow } from "../store/store.ts";
import type { Clock } from "../time/clock.ts";
import { createSettledTime } from "../time/settled-time.ts";
import { type Account, type Cooldown, createAccount, isInEffect, readCooldown } from "./account.ts";
import type { Bindings } from "./bindings.ts";
import { createCooldownClock } from "./cooldown-clock.ts";
import { createLogins, type RequestLogin, stateIdOf } from "./logins.ts";
import { hashSecret, hashSettings, isOutdated } from "./settings.ts";
import { noTruncations } from "./truncations.ts";

export type PoolConfig = Pick<Config, "accounts" | "session" | "oauth" | "environmentProxy">;

export interface StoredAccountsOptions {
  config: PoolConfig;
  store: AccountStore;
  bindings: Bindings;
  clock: Clock;
  /** Called when everything learned of an account was forgotten: what is known of its login elsewhere has to go, too. */
  onForgotten?(accountId: string): void;
  /** Called when a cooldown of the account began or ended, or its settings changed. Must not throw. */
  onChange?(account: Account): void;
}

export interface StoredAccounts {
  readonly config: PoolConfig;
  readonly accounts: readonly Account[];
  find(id: string): Account | undefined;
  /** The accounts as they are for a request that carries this login, or none: each login has a state of its own. */
  accountsFor(login: RequestLogin | undefined): readonly Account[];
  /** The clients' own logins that were seen with an account, the last used first. */
  logins(account: Account): readonly Account[];
  /** Puts the account in this cooldown, at once in memory, and resolves when it is in the store. */
  saveCooldown(account: Account, cooldown: Cooldown): Promise<void>;
  endCooldown(account: Account, scope: string): Promise<void>;
  /** Forgets full windows and failures in a row, as after a cooldown that ended early. */
  forgetLimits(account: Account): void;
  /** Has windows, last use and truncations of the account written with the next flush. */
  saveLater(account: Account): void;
  /**
   * Takes a new configuration; what was learned of accounts that stay is kept, but of one that has another secret now or is
   * enabled again everything is forgotten.
   */
  configure(config: PoolConfig): Promise<void>;
  /** Reads what another process has changed in the store: of these accounts, or of all. */
  refresh(only?: ChangedAccounts): Promise<void>;
  /** Writes down what is saved lazily, windows and last use, and lets go of cooldowns that are over. */
  flush(): Promise<void>;
}

export async function readStoredAccounts(options: StoredAccountsOptions): Promise<StoredAccounts> {
  const { store, bindings, clock, onChange = () => {} } = options;
  const { now } = clock;
  const cooldownClock = createCooldownClock(clock);
  const settledTime = createSettledTime(clock);
  let config = options.config;
  let accounts = config.accounts.map((one) => createAccount(one));
  const logins = createLogins();
  /** Accounts whose windows or last use are not on disk yet. */
  const unsaved = new Set<Account>();
  /** How often cooldowns were changed here, so that rows read before a change are distinguished from those read after it. */
  let changes = 0;

  /** Accounts whose row was read before: a change of it since then is news. */
  const seen = new WeakSet<Account>();

  async function readStore(only?: ChangedAccounts): Promise<void> {
    const isRead = (account: Account) => only === undefined || only.has(stateIdOf(account));
    for (const state of await store.states(only)) {
      const account = find(state.accountId) ?? logins.byStateId(state.accountId, accounts);
      if (!account) continue;
      const { forgottenAt = 0, secretHash } = state;
      const isKnown = seen.has(account);
      const isOfOtherSecret =
        !isKnown && secretHash !== undefined && secretHash !== hashSecret(account.config);
      const isForgotten = isKnown && forgottenAt !== account.forgottenAt;
      account.forgottenAt = forgottenAt;
      if (isForgotten || isOfOtherSecret) await forget(account);
      if (unsaved.has(account)) continue;
      account.lastUsedAt = Math.min(state.lastUsedAt ?? 0, now());
      account.windows = new Map(state.windows.map((window) => [window.name, window]));
      if (!isKnown && state.truncatedAt !== undefined)
        account.truncations = { count: 1, at: state.truncatedAt };
    }
    for (const account of all().filter(isRead)) seen.add(account);
    const cooldowns = Map.groupBy(await readCooldowns(only), (row) => row.accountId);
    for (const account of all().filter(isRead)) {
      const rows = cooldowns.get(stateIdOf(account)) ?? [];
      const known = account.cooldowns;
      account.cooldowns = new Map(
        rows
          .flatMap((row) => readCooldown(row) ?? [])
          .map((cooldown) => [cooldown.scope, withProbe(cooldown, known)]),
      );
      if (isEndedElsewhere(known, account.cooldowns, now())) forgetLimits(account);
      if (!isSame(known, account.cooldowns)) onChange(account);
    }
    // Not before every row has been taken over: while this is written down, cooldowns of other accounts begin.
    for (const account of all().filter(isRead)) await endOutdated(account);
  }

  /** Rows that were read before a change of our own would undo it. */
  async function readCooldowns(only: ChangedAccounts | undefined): Promise<CooldownRow[]> {
    for (;;) {
      const before = changes;
      const rows = await store.cooldowns(only);
      if (changes === before) return rows;
    }
  }

  /**
   * A cooldown that ends early, by hand or by a good probe, puts in doubt what led to it. A window that still counted as full would
   * keep the account behind all others.
   */
  function forgetLimits(account: Account): void {
    account.windows.clear();
    account.streaks.clear();
    unsaved.add(account);
  }

  /** The one rule for `accounts enable`, a login and a reload with another secret: the account is as on its first day. */
  async function forget(account: Account): Promise<void> {
    forgetLimits(account);
    account.truncations = noTruncations;
    account.missing.clear();
    account.cooldowns.clear();
    changes++;
    options.onForgotten?.(account.config.id);
    onChange(account);
    await store.clearCooldowns(stateIdOf(account));
  }

  function find(id: string): Account | undefined {
    return accounts.find((account) => account.config.id === id);
  }

  function all(): Account[] {
    return [...accounts, ...logins.all];
  }

  function accountsFor(login: RequestLogin | undefined): readonly Account[] {
    if (login === undefined) return accounts;
    return accounts.map((account) =>
      isOfClients(account.config) && account.config.family === login.family
        ? logins.of(account.config, login.hash)
        : account,
    );
  }

  async function saveCooldown(account: Account, cooldown: Cooldown): Promise<void> {
    account.cooldowns.set(cooldown.scope, cooldown);
    // From now on its time runs.
    cooldownClock.isOver(clockKey(account, cooldown.scope), cooldown.until);
    changes++;
    onChange(account);
    await store.saveCooldown({ accountId: stateIdOf(account), ...cooldown });
  }

  async function endCooldown(account: Account, scope: string): Promise<void> {
    if (!account.cooldowns.delete(scope)) return;
    cooldownClock.forget(clockKey(account, scope));
    changes++;
    onChange(account);
    await store.clearCooldowns(stateIdOf(account), scope);
  }

  /** Another secret may be accepted where the one before was not, and another proxy may lead where that one did not. */
  async function endOutdated(account: Account): Promise<void> {
    const settings = hashSettings(account.config, config);
    for (const cooldown of account.cooldowns.values()) {
      if (!isOutdated(cooldown, settings)) continue;
      account.streaks.clear();
      await endCooldown(account, cooldown.scope);
    }
  }

  await readStore();

  return {
    get config() {
      return config;
    },
    get accounts() {
      return accounts;
    },
    find,
    accountsFor,
    logins: ({ config }) => logins.on(config),
    saveCooldown,
    endCooldown,
    forgetLimits,
    saveLater: (account) => void unsaved.add(account),

    async configure(next) {
      config = next;
      const before = new Map(accounts.map((account) => [account.config.id, account]));
      const restored: Account[] = [];
      accounts = next.accounts.map((config) => {
        const known = before.get(config.id);
        before.delete(config.id);
        if (!known) return createAccount(config);
        const isEnabled = config.enabled && !known.config.enabled;
        if (isEnabled || config.secret !== known.config.secret) restored.push(known);
        if (config.apiUrl !== known.config.apiUrl) {
          known.missing.clear();
          known.offered.clear();
        }
        return Object.assign(known, { config });
      });
      logins.configure(next.accounts);
      restored.push(...restored.flatMap(({ config }) => logins.on(config)));
      for (const account of restored) await forget(account);
      const off = accounts.filter((account) => !account.config.enabled).map((account) => account.config.id);
      // In the same moment: a session that moves from now on must not lose its new account. Sessions of accounts that are missing
      // stay: the account may be back with the next change, and until then they are served on a fallback.
      await Promise.all(off.map((id) => bindings.dropAccount(id)));
      await readStore();
      for (const account of accounts) onChange(account);
    },

    refresh: readStore,

    async flush() {
      const time = now();
      for (const gone of logins.prune(settledTime())) {
        unsaved.delete(gone);
        await store.forget(stateIdOf(gone));
      }
      for (const account of all()) {
        for (const cooldown of account.cooldowns.values()) {
          const { scope, until } = cooldown;
          const isOver = cooldownClock.isOver(clockKey(account, scope), until);
          if (isOver || !isInEffect(cooldown, time)) await endCooldown(account, scope);
        }
        account.lastUsedAt = Math.min(account.lastUsedAt, time);
      }
      for (const account of [...unsaved]) {
        unsaved.delete(account);
        await store.saveState({
          accountId: stateIdOf(account),
          lastUsedAt: account.lastUsedAt || undefined,
          windows: [...account.windows.values()],
          ...(account.truncations.at > 0 && { truncatedAt: account.truncations.at }),
          secretHash: hashSecret(account.config),
        });
      }
    },
  };
}

function clockKey(account: Account, scope: string): string {
  return JSON.stringify([stateIdOf(account), scope]);
}

function isSame(known: Account["cooldowns"], stored: Account["cooldowns"]): boolean {
  if (known.size !== stored.size) return false;
  return [...known.values()].every(({ scope, until }) => stored.get(scope)?.until === until);
}

/** Whether another process has ended a cooldown. Cooldowns that end here are gone from memory before they are from the store. */
function isEndedElsewhere(known: Account["cooldowns"], stored: Account["cooldowns"], now: number): boolean {
  return [...known.values()].some(({ scope, until }) => until > now && !stored.has(scope));
}

/** A probe under way is known in memory only. */
function withProbe(stored: Cooldown, known: Account["cooldowns"]): Cooldown {
  const own = known.get(stored.scope);
  return own?.since === stored.since
    ? { ...stored, probedAt: Math.max(own.probedAt, stored.probedAt) }
    : stored;
}
