// The accounts with all that is known of them: chooses one for a request and learns from every answer.
// Decisions are made by select.ts, cooldown.ts and exhausted.ts; this shell keeps the state and writes it down.

import type { Clock } from "../clock.ts";
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
  isInEffect,
  readCooldown,
} from "./account.ts";
import type { Bindings } from "./bindings.ts";
import {
  type CooldownContext,
  type CooldownDecision,
  type CooldownPolicy,
  cooldownAfter,
  outlasts,
  streakKey,
} from "./cooldown.ts";
import { createCooldownClock } from "./cooldown-clock.ts";
import { type Choice, type Selection, selectAccount } from "./select.ts";
import { hashSecret, hashSettings, isOutdated } from "./settings.ts";
import { shortenShared } from "./shared-refusal.ts";
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
  /** Called when a request is given up, with all accounts that it was sent to: see shortenShared. */
  refusedByAll(asked: ReadonlyMap<Account, Cooldown | undefined>): Promise<void>;
  /** Called when a request that tests a cooldown is sent: the cooldown is not tested again for an hour, whatever comes of it. */
  probeSent(account: Account, probe: Cooldown): Promise<void>;
  /** Called when a chosen test was not sent after all: the next request may test. */
  probeDropped(probe: Cooldown): void;
  /**
   * A good answer whose head came at `beganAt` has come to its end, or was truncated on the provider's side. Three truncated
   * ones in a row are a cooldown, like other faults.
   */
  ended(account: Account, answer: { isTruncated: boolean; beganAt: number }): Promise<void>;
  learn(account: Account, windows: readonly Window[]): void;
  /**
   * Takes a new configuration; what was learned of accounts that stay is kept, but of one that has another secret now or is
   * enabled again everything is forgotten.
   */
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
  clock: Clock;
  /** Called when everything learned of an account was forgotten: what is known of its login elsewhere has to go, too. */
  onForgotten?(accountId: string): void;
  /** Told when a cooldown of the account began or ended, or its settings changed. Must not throw. */
  onChange?(account: Account): void;
}

export async function createPool(options: PoolOptions): Promise<Pool> {
  const { store, bindings, clock, onChange = () => {} } = options;
  const { now } = clock;
  const cooldownClock = createCooldownClock(clock);
  /** When cooldowns whose test is chosen but not sent were tested before. */
  const testedBefore = new WeakMap<Cooldown, number>();
  let config = options.config;
  let accounts: Account[] = [];
  /** Accounts whose windows or last use are not on disk yet. */
  const unsaved = new Set<Account>();
  /** How often cooldowns were changed here, so that rows read before a change are told from those read after it. */
  let changes = 0;

  /** Accounts whose row was read before: a change of it since then is news. */
  const seen = new WeakSet<Account>();

  async function readStore(): Promise<void> {
    for (const state of await store.states()) {
      const account = find(state.accountId);
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
    for (const account of accounts) seen.add(account);
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

  /** The one rule for `accounts enable`, a login and a reload with another secret: the account is as on its first day. */
  async function forget(account: Account): Promise<void> {
    forgetLimits(account);
    account.truncations = noTruncations;
    account.cooldowns.clear();
    changes++;
    options.onForgotten?.(account.config.id);
    onChange(account);
    await store.clearCooldowns(account.config.id);
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
    await endExcess(account);
    return next;
  }

  /** Clients choose the names of models: there is no end to them. */
  async function endExcess(account: Account): Promise<void> {
    if (account.cooldowns.size <= maxCooldowns) return;
    const scoped = [...account.cooldowns.values()].filter(({ scope }) => scope !== "");
    await endCooldown(account, scoped.reduce((a, b) => (b.until < a.until ? b : a)).scope);
  }

  async function saveCooldown(account: Account, cooldown: Cooldown): Promise<void> {
    account.cooldowns.set(cooldown.scope, cooldown);
    // From now on its time runs.
    cooldownClock.isOver(clockKey(account, cooldown.scope), cooldown.until);
    changes++;
    onChange(account);
    await store.saveCooldown({ accountId: account.config.id, ...cooldown });
  }

  async function endCooldown(account: Account, scope: string): Promise<void> {
    if (!account.cooldowns.delete(scope)) return;
    cooldownClock.forget(clockKey(account, scope));
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
        if (choice.probe) {
          testedBefore.set(choice.probe, choice.probe.probedAt);
          choice.probe.probedAt = selection.now;
        }
        choice.account.lastUsedAt = selection.now;
        unsaved.add(choice.account);
      }
      return choice;
    },

    async probeSent(account, probe) {
      testedBefore.delete(probe);
      if (account.cooldowns.get(probe.scope) === probe) await saveCooldown(account, probe);
    },

    probeDropped(probe) {
      probe.probedAt = testedBefore.get(probe) ?? probe.probedAt;
      testedBefore.delete(probe);
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
      const decision = cooldownAfter(failure, policyOf(config), {
        modelScope,
        streak: Math.max(streak, 1),
        now: time,
      });
      if (isCounted(failure)) countStreak(account, key, streak);
      if (!decision) return undefined;
      if (needsPerson(decision.kind)) {
        await bindings.dropAccount(account.config.id);
      }
      // Providers echo keys in their texts, and a reason is printed.
      const reason = redact(decision.reason, [account.config.secret]);
      return await beginCooldown(account, { ...decision, reason }, sentAt);
    },

    async refusedByAll(asked) {
      for (const { account, cooldown } of shortenShared(asked, now())) await saveCooldown(account, cooldown);
    },

    async ended(account, { isTruncated, beganAt }) {
      const { count, at } = account.truncations;
      if (!isTruncated && count === 0) return;
      account.truncations = isTruncated
        ? addTruncation(account.truncations, { beganAt, now: now() })
        : noTruncations;
      unsaved.add(account);
      const isNews = isTruncated && (count !== account.truncations.count || at === 0);
      const decision = isNews && cooldownAfter(truncated, policyOf(config), contextOf(account, now()));
      if (decision) await beginCooldown(account, decision, beganAt);
    },

    learn(account, windows) {
      if (windows.length === 0) return;
      for (const window of windows) account.windows.set(window.name, window);
      unsaved.add(account);
    },

    async configure(next) {
      config = next;
      const before = new Map(accounts.map((account) => [account.config.id, account]));
      const renewed: Account[] = [];
      accounts = next.accounts.map((config) => {
        const known = before.get(config.id);
        before.delete(config.id);
        if (!known) return createAccount(config);
        const isEnabled = config.enabled && !known.config.enabled;
        if (isEnabled || config.secret !== known.config.secret) renewed.push(known);
        return Object.assign(known, { config });
      });
      for (const account of renewed) await forget(account);
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
      for (const account of accounts) {
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
          accountId: account.config.id,
          lastUsedAt: account.lastUsedAt || undefined,
          windows: [...account.windows.values()],
          ...(account.truncations.at > 0 && { truncatedAt: account.truncations.at }),
          secretHash: hashSecret(account.config),
        });
      }
    },
  };
}

/** More models than any provider has. */
const maxCooldowns = 100;
const maxStreaks = 200;

function countStreak({ streaks }: Account, key: string, streak: number): void {
  streaks.set(key, streak);
  if (streaks.size > maxStreaks) streaks.delete(streaks.keys().next().value!);
}

function clockKey({ config }: Account, scope: string): string {
  return JSON.stringify([config.id, scope]);
}

const truncated: Failure = { kind: "server-error", status: 502, reason: "its answers are truncated" };

function policyOf({ session }: PoolConfig): CooldownPolicy {
  return { unavailableMs: session.unavailableCooldownMs };
}

function contextOf({ truncations }: Account, now: number): CooldownContext {
  return { modelScope: "", streak: truncations.count, now };
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
