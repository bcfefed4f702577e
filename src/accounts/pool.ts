// The accounts with all that is known of them: chooses one for a request and learns from every answer.
// Decisions are made by select.ts, cooldown.ts and exhausted.ts; this shell keeps the state and writes it down.

import type { Config } from "../config/config.ts";
import type { Failure } from "../failure.ts";
import { redact } from "../redact.ts";
import type { AccountStore, RestRow } from "../store/store.ts";
import type { Window } from "../usage/window.ts";
import { type Account, createAccount, type Rest, readRest, restFor } from "./account.ts";
import type { Bindings } from "./bindings.ts";
import { outlasts, type RestDecision, restAfter, streakKey } from "./cooldown.ts";
import { addCut, noCuts } from "./cuts.ts";
import { type Choice, type Selection, selectAccount } from "./select.ts";
import { hashSettings, isOutdated } from "./settings.ts";

export interface Pool {
  readonly accounts: readonly Account[];
  account(id: string): Account | undefined;
  choose(selection: Selection): Choice;
  /**
   * A request that was sent at `sentAt` got a good answer: streaks end, and a rest that it tested is over. A rest that began
   * after it stands: the limit was reached while the answer was on its way. So does every rest when what was asked for is free.
   */
  succeeded(account: Account, request: SentRequest & { isBilled: boolean }): Promise<void>;
  /** A request failed. Returns the rest that the account is in for it, if any. */
  failed(account: Account, failure: Failure, request: SentRequest): Promise<Rest | undefined>;
  /** A good answer whose head came at `beganAt` has come to its end, or was cut on the provider's side. */
  ended(account: Account, answer: { isCut: boolean; beganAt: number }): void;
  learn(account: Account, windows: readonly Window[]): void;
  /** Ends every rest of the account. */
  clearRests(id: string): Promise<void>;
  /** Takes a new configuration; what was learned of accounts that stay is kept. */
  configure(config: PoolConfig): Promise<void>;
  /** Reads rests that another process has changed in the store. */
  refresh(): Promise<void>;
  /** Writes down what is saved lazily, windows and last use, and lets go of rests that are over. */
  flush(): Promise<void>;
}

export interface SentRequest {
  modelScope: string;
  /** Epoch ms. */
  sentAt: number;
}

export type PoolConfig = Pick<Config, "accounts" | "session" | "oauth" | "environmentProxy">;

export interface PoolOptions {
  config: PoolConfig;
  store: AccountStore;
  bindings: Bindings;
  now: () => number;
}

export async function createPool(options: PoolOptions): Promise<Pool> {
  const { store, bindings, now } = options;
  let config = options.config;
  let accounts: Account[] = [];
  /** Accounts whose windows or last use are not on disk yet. */
  const unsaved = new Set<Account>();
  /** How often rests were changed here, so that rows read before a change are told from those read after it. */
  let changes = 0;

  async function readStore(): Promise<void> {
    for (const state of await store.states()) {
      const account = find(state.accountId);
      if (!account || unsaved.has(account)) continue;
      account.lastUsedAt = state.lastUsedAt ?? 0;
      account.windows = new Map(state.windows.map((window) => [window.name, window]));
    }
    const rests = Map.groupBy(await readRests(), (row) => row.accountId);
    for (const account of accounts) {
      const rows = rests.get(account.config.id) ?? [];
      const known = account.rests;
      account.rests = new Map(
        rows.flatMap((row) => readRest(row) ?? []).map((rest) => [rest.scope, withProbe(rest, known)]),
      );
      if (isEndedElsewhere(known, account.rests, now())) forgetLimits(account);
    }
    // Not before every row has been taken over: while this is written down, rests of other accounts begin.
    for (const account of accounts) await endOutdated(account);
  }

  /** Rows that were read before a change of our own would undo it. */
  async function readRests(): Promise<RestRow[]> {
    for (;;) {
      const before = changes;
      const rows = await store.rests();
      if (changes === before) return rows;
    }
  }

  /**
   * A rest that ends early, by hand or by a good test, puts in doubt what led to it. A window that still counted as full would
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

  async function beginRest(account: Account, decision: RestDecision, sentAt: number): Promise<Rest> {
    const time = now();
    const known = account.rests.get(decision.scope);
    const running = known && known.until > time ? known : undefined;
    // A rest that was tested and found standing keeps its beginning, so that the hourly test goes on.
    const since = running?.kind === decision.kind ? running.since : time;
    const { scope, kind, until, reason } = decision;
    const settings = hashSettings(account.config, config);
    const next: Rest =
      running && outlasts(running, decision, sentAt)
        ? { ...running, probedAt: time }
        : { scope, kind, until, reason, since, settings, probedAt: time };
    account.rests.set(next.scope, next);
    changes++;
    await store.saveRest({ accountId: account.config.id, ...next });
    return next;
  }

  async function endRest(account: Account, scope: string): Promise<void> {
    if (!account.rests.delete(scope)) return;
    changes++;
    await store.clearRests(account.config.id, scope);
  }

  /** Another secret may be accepted where the one before was not, and another proxy may lead where that one did not. */
  async function endOutdated(account: Account): Promise<void> {
    const settings = hashSettings(account.config, config);
    for (const rest of account.rests.values()) {
      if (!isOutdated(rest, settings)) continue;
      account.streaks.clear();
      await endRest(account, rest.scope);
    }
  }

  accounts = config.accounts.map((one) => createAccount(one));
  await readStore();

  return {
    get accounts() {
      return accounts;
    },
    account: find,

    choose(selection) {
      const choice = selectAccount(accounts, selection);
      if (choice.kind === "use") {
        if (choice.probe) choice.probe.probedAt = selection.now;
        choice.account.lastUsedAt = selection.now;
        unsaved.add(choice.account);
      }
      return choice;
    },

    async succeeded(account, { modelScope, sentAt, isBilled }) {
      if (account.streaks.size > 0) account.streaks.clear();
      if (account.rests.size === 0 || !isBilled) return;
      for (const scope of ["", modelScope]) {
        const rest = account.rests.get(scope);
        if (!rest || rest.since > sentAt) continue;
        if (rest.until > now()) forgetLimits(account);
        await endRest(account, scope);
      }
    },

    async failed(account, failure, { modelScope, sentAt }) {
      if (account.passthrough) return undefined;
      const key = streakKey(failure, modelScope);
      const time = now();
      const running = restFor(account, modelScope, time);
      // A herd that fails together is one failure: only the first of it makes the next rest longer.
      const streak = (account.streaks.get(key) ?? 0) + (running?.kind === failure.kind ? 0 : 1);
      const decision = restAfter(
        failure,
        { unavailableMs: config.session.unavailableCooldownMs },
        { modelScope, streak: Math.max(streak, 1), now: time },
      );
      if (isCounted(failure)) account.streaks.set(key, streak);
      if (!decision) return undefined;
      if (decision.kind === "unauthorized" || decision.kind === "account-out") {
        await bindings.dropAccount(account.config.id);
      }
      // Providers echo keys in their texts, and a reason is printed.
      const reason = redact(decision.reason, [account.config.secret]);
      return await beginRest(account, { ...decision, reason }, sentAt);
    },

    ended(account, { isCut, beganAt }) {
      account.cuts = isCut ? addCut(account.cuts, { beganAt, now: now() }) : noCuts;
    },

    learn(account, windows) {
      if (windows.length === 0) return;
      for (const window of windows) account.windows.set(window.name, window);
      unsaved.add(account);
    },

    async clearRests(id) {
      const account = find(id);
      changes++;
      account?.rests.clear();
      account?.streaks.clear();
      await store.clearRests(id);
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
    },

    refresh: readStore,

    async flush() {
      const time = now();
      for (const account of accounts) {
        for (const { scope, until } of account.rests.values())
          if (until <= time) await endRest(account, scope);
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

/** Whether another process has ended a rest. Rests that end here are gone from memory before they are from the store. */
function isEndedElsewhere(known: Account["rests"], stored: Account["rests"], now: number): boolean {
  return [...known.values()].some(({ scope, until }) => until > now && !stored.has(scope));
}

function isCounted(failure: Failure): boolean {
  return failure.kind !== "rejected" && failure.kind !== "aborted" && failure.kind !== "model-missing";
}

/** A test under way is known in memory only. */
function withProbe(stored: Rest, known: Account["rests"]): Rest {
  const own = known.get(stored.scope);
  return own?.since === stored.since
    ? { ...stored, probedAt: Math.max(own.probedAt, stored.probedAt) }
    : stored;
}
