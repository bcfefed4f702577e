// The accounts with all that is known of them: chooses one for a request and learns from every answer.
// Decisions are made by select.ts, cooldown.ts and exhausted.ts; this shell keeps the state and writes it down.

import type { Config } from "../config/config.ts";
import type { Failure } from "../failure.ts";
import { redact } from "../redact.ts";
import type { AccountStore, CooldownRow } from "../store/store.ts";
import type { Window } from "../usage/window.ts";
import {
  type Account,
  type Cooldown,
  type CooldownKind,
  cooldownFor,
  createAccount,
  readCooldown,
} from "./account.ts";
import type { Bindings } from "./bindings.ts";
import { type CooldownDecision, cooldownAfter, outlasts, streakKey } from "./cooldown.ts";
import { type Choice, type Selection, selectAccount } from "./select.ts";
import { hashSettings, isOutdated } from "./settings.ts";
import { addTruncation, noTruncations } from "./truncations.ts";

export interface Pool {
  readonly accounts: readonly Account[];
  account(id: string): Account | undefined;
  choose(selection: Selection): Promise<Choice>;
  /**
   * A request that was sent at `sentAt` got a good answer: streaks end, and a cooldown that it tested is over. A cooldown that began
   * after it stands: the limit was reached while the answer was on its way. So does every cooldown when what was asked for is free.
   */
  succeeded(account: Account, request: SentRequest): Promise<void>;
  /** A request failed. Returns the cooldown that the account is in for it, if any; what is free begins none. */
  failed(account: Account, failure: Failure, request: SentRequest): Promise<Cooldown | undefined>;
  /**
   * Called when a request is given up. `asked` are all accounts that it was sent to, with the cooldown that it put each in, if
   * any. Where two or more were asked and every one refused it (credential, account out, model), the request may be at fault:
   * those cooldowns end after 60 s. A login that the token endpoint says is gone counts neither as asked nor as refused.
   */
  refusedByAll(asked: ReadonlyMap<Account, Cooldown | undefined>): Promise<void>;
  /** A good answer whose head came at `beganAt` has come to its end, or was cut on the provider's side. */
  ended(account: Account, answer: { isTruncated: boolean; beganAt: number }): void;
  learn(account: Account, windows: readonly Window[]): void;
  /** Ends every cooldown of the account. */
  clearCooldowns(id: string): Promise<void>;
  /** Takes a new configuration; what was learned of accounts that stay is kept. */
  configure(config: PoolConfig): Promise<void>;
  /** Reads cooldowns that another process has changed in the store. */
  refresh(): Promise<void>;
  /** Writes down what is saved lazily, windows and last use, and lets go of cooldowns that are over. */
  flush(): Promise<void>;
}

export interface SentRequest {
  modelScope: string;
  /** Epoch ms. */
  sentAt: number;
  /** Whether it costs tokens: what is free (counting, any GET or DELETE) neither begins nor ends a cooldown. */
  isBilled: boolean;
}

export type PoolConfig = Pick<Config, "accounts" | "session" | "oauth" | "environmentProxy">;

export interface PoolOptions {
  config: PoolConfig;
  store: AccountStore;
  bindings: Bindings;
  now: () => number;
  /** Told when a cooldown of the account began or ended, or its settings changed. Must not throw. */
  onChange?(account: Account): void;
}

export async function createPool(options: PoolOptions): Promise<Pool> {
  const { store, bindings, now, onChange = () => {} } = options;
  let config = options.config;
  let accounts: Account[] = [];
  /** Accounts whose windows or last use are not on disk yet. */
  const unsaved = new Set<Account>();
  /** How often cooldowns were changed here, so that rows read before a change are told from those read after it. */
  let changes = 0;

  async function readStore(): Promise<void> {
    for (const state of await store.states()) {
      const account = find(state.accountId);
      if (!account || unsaved.has(account)) continue;
      account.lastUsedAt = state.lastUsedAt ?? 0;
      account.windows = new Map(state.windows.map((window) => [window.name, window]));
    }
    const cooldowns = Map.groupBy(await readCooldowns(), (row) => row.accountId);
    for (const account of accounts) {
      const rows = cooldowns.get(account.config.id) ?? [];
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
    for (const account of accounts) await endOutdated(account);
  }

  /** Rows that were read before a change of our own would undo it. */
  async function readCooldowns(): Promise<CooldownRow[]> {
    for (;;) {
      const before = changes;
      const rows = await store.cooldowns();
      if (changes === before) return rows;
    }
  }

  /**
   * A cooldown that ends early, by hand or by a good test, puts in doubt what led to it. A window that still counted as full would
   * keep the account behind all others.
   */
  function forgetLimits(account: Account): void {
    account.windows.clear();
    account.streaks.clear();
    unsaved.add(account);
  }

  function find(id: string): Account | undefined {
    return accounts.find((account) => account.config.id === id);
  }

  async function beginCooldown(
    account: Account,
    decision: CooldownDecision,
    sentAt: number,
  ): Promise<Cooldown> {
    const time = now();
    const known = account.cooldowns.get(decision.scope);
    const running = known && known.until > time ? known : undefined;
    // A cooldown that was tested and found standing keeps its beginning, so that the hourly test goes on.
    const since = running?.kind === decision.kind ? running.since : time;
    const { scope, kind, until, reason } = decision;
    const settings = hashSettings(account.config, config);
    const next: Cooldown =
      running && outlasts(running, decision, sentAt)
        ? { ...running, probedAt: time }
        : { scope, kind, until, reason, since, settings, probedAt: time };
    await saveCooldown(account, next);
    return next;
  }

  async function saveCooldown(account: Account, cooldown: Cooldown): Promise<void> {
    account.cooldowns.set(cooldown.scope, cooldown);
    changes++;
    onChange(account);
    await store.saveCooldown({ accountId: account.config.id, ...cooldown });
  }

  async function endCooldown(account: Account, scope: string): Promise<void> {
    if (!account.cooldowns.delete(scope)) return;
    changes++;
    onChange(account);
    await store.clearCooldowns(account.config.id, scope);
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

  accounts = config.accounts.map((one) => createAccount(one));
  await readStore();

  return {
    get accounts() {
      return accounts;
    },
    account: find,

    async choose(selection) {
      const choice = selectAccount(accounts, selection);
      if (choice.kind === "use") {
        if (choice.probe) choice.probe.probedAt = selection.now;
        choice.account.lastUsedAt = selection.now;
        unsaved.add(choice.account);
      }
      return choice;
    },

    async succeeded(account, { modelScope, sentAt, isBilled }) {
      if (!isBilled) return;
      if (account.streaks.size > 0) account.streaks.clear();
      if (account.cooldowns.size === 0) return;
      for (const scope of ["", modelScope]) {
        const cooldown = account.cooldowns.get(scope);
        if (!cooldown || cooldown.since > sentAt) continue;
        if (cooldown.until > now()) forgetLimits(account);
        await endCooldown(account, scope);
      }
    },

    async failed(account, failure, { modelScope, sentAt, isBilled }) {
      if (account.passthrough || !isBilled) return undefined;
      const key = streakKey(failure, modelScope);
      const time = now();
      const running = cooldownFor(account, modelScope, time);
      // Many sessions that fail together are one failure: only the first of it makes the next cooldown longer.
      const streak = (account.streaks.get(key) ?? 0) + (running?.kind === failure.kind ? 0 : 1);
      const decision = cooldownAfter(
        failure,
        { unavailableMs: config.session.unavailableCooldownMs },
        { modelScope, streak: Math.max(streak, 1), now: time },
      );
      if (isCounted(failure)) account.streaks.set(key, streak);
      if (!decision) return undefined;
      if (needsPerson(decision.kind)) {
        await bindings.dropAccount(account.config.id);
      }
      // Providers echo keys in their texts, and a reason is printed.
      const reason = redact(decision.reason, [account.config.secret]);
      return await beginCooldown(account, { ...decision, reason }, sentAt);
    },

    async refusedByAll(asked) {
      const refused: [Account, Cooldown][] = [];
      for (const [account, cooldown] of asked) {
        if (cooldown?.kind === "login-revoked") continue;
        if (cooldown === undefined || !isRefusal(cooldown.kind)) return;
        refused.push([account, cooldown]);
      }
      if (refused.length < 2) return;
      const until = now() + sharedRefusalMs;
      for (const [account, { scope, until: end }] of refused) {
        const running = account.cooldowns.get(scope);
        // Another request's cooldown, that of a limit for instance, stays as it is.
        if (!running || !isRefusal(running.kind) || running.until !== end || end <= until) continue;
        await saveCooldown(account, { ...running, until });
      }
    },

    ended(account, { isTruncated, beganAt }) {
      account.truncations = isTruncated
        ? addTruncation(account.truncations, { beganAt, now: now() })
        : noTruncations;
    },

    learn(account, windows) {
      if (windows.length === 0) return;
      for (const window of windows) account.windows.set(window.name, window);
      unsaved.add(account);
    },

    async clearCooldowns(id) {
      const account = find(id);
      changes++;
      account?.cooldowns.clear();
      account?.streaks.clear();
      if (account) onChange(account);
      await store.clearCooldowns(id);
    },

    async configure(next) {
      config = next;
      const before = new Map(accounts.map((account) => [account.config.id, account]));
      accounts = next.accounts.map((config) => {
        const known = before.get(config.id);
        before.delete(config.id);
        return known ? Object.assign(known, { config }) : createAccount(config);
      });
      const off = accounts.filter((account) => !account.config.enabled).map((account) => account.config.id);
      // In the same moment: a session that moves from now on must not lose its new account.
      await Promise.all([...before.keys(), ...off].map((id) => bindings.dropAccount(id)));
      await readStore();
      for (const account of accounts) onChange(account);
    },

    refresh: readStore,

    async flush() {
      const time = now();
      for (const account of accounts) {
        for (const { scope, until } of account.cooldowns.values())
          if (until <= time) await endCooldown(account, scope);
      }
      for (const account of [...unsaved]) {
        unsaved.delete(account);
        await store.saveState({
          accountId: account.config.id,
          lastUsedAt: account.lastUsedAt || undefined,
          windows: [...account.windows.values()],
        });
      }
    },
  };
}

/** How long accounts stay out that refused one and the same request. */
const sharedRefusalMs = 60_000;

/** Kinds of cooldown that the request itself may have provoked. */
function isRefusal(kind: CooldownKind): boolean {
  return kind === "unauthorized" || kind === "account-out" || kind === "model-denied";
}

/** Sessions of such an account start anew elsewhere. */
function needsPerson(kind: CooldownKind): boolean {
  return kind === "unauthorized" || kind === "login-revoked" || kind === "account-out";
}

function isSame(known: Account["cooldowns"], stored: Account["cooldowns"]): boolean {
  if (known.size !== stored.size) return false;
  return [...known.values()].every(({ scope, until }) => stored.get(scope)?.until === until);
}

/** Whether another process has ended a cooldown. Cooldowns that end here are gone from memory before they are from the store. */
function isEndedElsewhere(known: Account["cooldowns"], stored: Account["cooldowns"], now: number): boolean {
  return [...known.values()].some(({ scope, until }) => until > now && !stored.has(scope));
}

function isCounted({ kind }: Failure): boolean {
  return (
    kind !== "rejected" &&
    kind !== "aborted" &&
    kind !== "model-missing" &&
    kind !== "unexplained-refusal" &&
    kind !== "edge-refused"
  );
}

/** A test under way is known in memory only. */
function withProbe(stored: Cooldown, known: Account["cooldowns"]): Cooldown {
  const own = known.get(stored.scope);
  return own?.since === stored.since
    ? { ...stored, probedAt: Math.max(own.probedAt, stored.probedAt) }
    : stored;
}
