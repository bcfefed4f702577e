// Chooses an account for a request and learns from every answer. Decisions are made by select.ts, cooldown.ts and exhausted.ts;
// stored-accounts.ts keeps what is learned in memory and in the store.

import type { Failure } from "../domain/failure.ts";
import { redact } from "../text/redact.ts";
import type { Window } from "../usage/window.ts";
import { type Account, type Cooldown, cooldownFor, needsPerson } from "./account.ts";
import {
  type CooldownContext,
  type CooldownDecision,
  type CooldownPolicy,
  cooldownAfter,
  outlasts,
  shortenShared,
  streakKey,
} from "./cooldown.ts";
import { type Asked, createEarlierRefusals } from "./earlier-refusals.ts";
import { isLastResort } from "./last-resort.ts";
import type { RequestLogin } from "./logins.ts";
import { type Choice, type Selection, selectAccount } from "./select.ts";
import { hashSettings } from "./settings.ts";
import {
  type PoolConfig,
  readStoredAccounts,
  type StoredAccounts,
  type StoredAccountsOptions,
} from "./stored-accounts.ts";
import { addTruncation, noTruncations } from "./truncations.ts";

export interface Pool
  extends Pick<StoredAccounts, "accounts" | "accountsFor" | "logins" | "configure" | "refresh" | "flush"> {
  account(id: string): Account | undefined;
  /** `login`: as in accountsFor. */
  choose(selection: Selection, login?: RequestLogin): Promise<Choice>;
  /**
   * A request that was sent at `sentAt` got a good answer: streaks end, and a cooldown that it probed is over. A cooldown that began
   * after it stays: the limit was reached while the answer was on its way. So does every cooldown when what was asked for is free.
   */
  succeeded(account: Account, request: SentRequest): Promise<void>;
  /** A request failed. Returns the cooldown that the account is in for it, if any; what is free begins none. */
  failed(account: Account, failure: Failure, request: SentRequest): Promise<Cooldown | undefined>;
  /**
   * Called when no account is left for a request, with all accounts that it was sent to: see shortenShared. What the same session sent
   * shortly before, and nobody answered, counts as the same request.
   */
  refusedByAll(asked: Asked, session: string | undefined): Promise<void>;
  /** Called when a request that probes a cooldown is sent: the cooldown is not probed again for an hour, whatever comes of it. */
  probeSent(account: Account, probe: Cooldown): Promise<void>;
  /** Called when a chosen probe was not sent after all: the next request may probe. */
  probeDropped(probe: Cooldown): void;
  /**
   * A good answer whose head came at `beganAt` has come to its end, or was truncated on the provider's side. Three truncated
   * ones in a row are a cooldown, like other faults.
   */
  ended(account: Account, answer: { isTruncated: boolean; beganAt: number }): Promise<void>;
  learn(account: Account, windows: readonly Window[]): void;
}

export interface SentRequest {
  modelScope: string;
  /** Epoch ms. */
  sentAt: number;
  /** Whether it costs tokens: what is free (counting, any GET or DELETE) neither begins nor ends a cooldown. */
  isBilled: boolean;
  /** The conversation; undefined when nothing identifies it. */
  session?: string | undefined;
}

export type { PoolConfig };
export type PoolOptions = StoredAccountsOptions;

export async function createPool(options: PoolOptions): Promise<Pool> {
  const { bindings } = options;
  const { now } = options.clock;
  const stored = await readStoredAccounts(options);
  /** When cooldowns whose probe is chosen but not sent were probed before. */
  const probedBefore = new WeakMap<Cooldown, number>();
  const earlierRefusals = createEarlierRefusals();

  async function beginCooldown(
    account: Account,
    decision: CooldownDecision,
    sentAt: number,
  ): Promise<Cooldown> {
    const time = now();
    const known = account.cooldowns.get(decision.scope);
    const running = known && known.until > time ? known : undefined;
    // A cooldown that was probed and goes on keeps its beginning, so that the hourly probe goes on.
    const since = running?.kind === decision.kind ? running.since : time;
    const { scope, kind, until, reason } = decision;
    const settings = hashSettings(account.config, stored.config);
    const next: Cooldown =
      running && outlasts(running, decision, sentAt)
        ? { ...running, probedAt: time }
        : { scope, kind, until, reason, since, settings, probedAt: time };
    await stored.saveCooldown(account, next);
    await endExcess(account);
    return next;
  }

  /** Clients choose the names of models: there is no end to them. */
  async function endExcess(account: Account): Promise<void> {
    if (account.cooldowns.size <= maxCooldowns) return;
    const scoped = [...account.cooldowns.values()].filter(({ scope }) => scope !== "");
    await stored.endCooldown(account, scoped.reduce((a, b) => (b.until < a.until ? b : a)).scope);
  }

  return {
    get accounts() {
      return stored.accounts;
    },
    account: stored.find,
    accountsFor: stored.accountsFor,
    logins: stored.logins,
    configure: stored.configure,
    refresh: stored.refresh,
    flush: stored.flush,

    async choose(selection, login) {
      const choice = selectAccount(stored.accountsFor(login), selection);
      if (choice.kind === "use") {
        if (choice.probe) {
          probedBefore.set(choice.probe, choice.probe.probedAt);
          choice.probe.probedAt = selection.now;
        }
        choice.account.lastUsedAt = selection.now;
        stored.saveLater(choice.account);
      }
      return choice;
    },

    async probeSent(account, probe) {
      probedBefore.delete(probe);
      if (account.cooldowns.get(probe.scope) === probe) await stored.saveCooldown(account, probe);
    },

    probeDropped(probe) {
      probe.probedAt = probedBefore.get(probe) ?? probe.probedAt;
      probedBefore.delete(probe);
    },

    async succeeded(account, { modelScope, sentAt, isBilled, session }) {
      if (!isBilled) return;
      if (session !== undefined) earlierRefusals.forget(session);
      if (account.streaks.size > 0) account.streaks.clear();
      if (account.cooldowns.size === 0) return;
      for (const scope of ["", modelScope]) {
        const cooldown = account.cooldowns.get(scope);
        if (!cooldown || cooldown.since > sentAt) continue;
        if (cooldown.until > now()) stored.forgetLimits(account);
        await stored.endCooldown(account, scope);
      }
    },

    async failed(account, failure, { modelScope, sentAt, isBilled }) {
      if (account.passthrough || !isBilled) return undefined;
      const key = streakKey(failure, modelScope);
      const time = now();
      const running = cooldownFor(account, modelScope, time);
      // Many sessions that fail together are one failure: only the first of it makes the next cooldown longer.
      const streak = (account.streaks.get(key) ?? 0) + (running?.kind === failure.kind ? 0 : 1);
      const decision = cooldownAfter(failure, policyOf(stored.config), {
        modelScope,
        streak: Math.max(streak, 1),
        isLastResort: isLastResort(account),
        now: time,
      });
      if (isCounted(failure)) countStreak(account, key, streak);
      if (!decision) return undefined;
      // Sessions of such an account start anew elsewhere. Other people's logins may be behind it: theirs stay.
      if (needsPerson(decision.kind) && account.login === undefined) {
        await bindings.dropAccount(account.config.id);
      }
      // Providers echo keys in their texts, and a reason is printed.
      const reason = redact(decision.reason, [account.config.secret]);
      return await beginCooldown(account, { ...decision, reason }, sentAt);
    },

    async refusedByAll(asked, session) {
      for (const { account, cooldown } of shortenShared(earlierRefusals.join(session, asked, now()), now()))
        await stored.saveCooldown(account, cooldown);
    },

    async ended(account, { isTruncated, beganAt }) {
      const { count, at } = account.truncations;
      if (!isTruncated && count === 0) return;
      account.truncations = isTruncated
        ? addTruncation(account.truncations, { beganAt, now: now() })
        : noTruncations;
      stored.saveLater(account);
      const isNews = isTruncated && (count !== account.truncations.count || at === 0);
      const decision = isNews && cooldownAfter(truncated, policyOf(stored.config), contextOf(account, now()));
      if (decision) await beginCooldown(account, decision, beganAt);
    },

    learn(account, windows) {
      if (windows.length === 0) return;
      for (const window of windows) account.windows.set(window.name, window);
      stored.saveLater(account);
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

const truncated: Failure = { kind: "server-error", status: 502, reason: "its answers are truncated" };

function policyOf({ session }: PoolConfig): CooldownPolicy {
  return { unavailableMs: session.unavailableCooldownMs };
}

function contextOf({ truncations }: Account, now: number): CooldownContext {
  return { modelScope: "", streak: truncations.count, now };
}

function isCounted({ kind }: Failure): boolean {
  return (
    kind !== "rejected" &&
    kind !== "aborted" &&
    kind !== "model-missing" &&
    kind !== "unexplained-refusal" &&
    kind !== "edge-refused" &&
    kind !== "unreadable"
  );
}
