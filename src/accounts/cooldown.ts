// How long an account is in cooldown after a failure, alone or together with others. Pure: the pool applies what is decided here.

import type { Failure } from "../domain/failure.ts";
import type { Account, Cooldown, CooldownKind } from "./account.ts";

export interface CooldownPolicy {
  /** session.unavailable_cooldown_seconds: refused credentials and accounts that a person must fix. */
  unavailableMs: number;
}

export interface CooldownDecision {
  kind: CooldownKind;
  /** "" for the whole account. */
  scope: string;
  until: number;
  /** The provider gave the end; else it is our guess. */
  isTold: boolean;
  reason: string;
}

export interface CooldownContext {
  /** The model family that was asked for; "" when the request named no model. */
  modelScope: string;
  /** Failures of this kind in a row, this one included. */
  streak: number;
  /** The host imitates the provider, and mostly does not say how long its limits last. */
  isLastResort?: boolean;
  now: number;
}

const second = 1000;
const unknownLimitMs = 60 * second;
const faultsBeforeCooldown = 3;

/** Undefined when the account is not to blame, or not yet. */
export function cooldownAfter(
  failure: Failure,
  policy: CooldownPolicy,
  context: CooldownContext,
): CooldownDecision | undefined {
  const { modelScope, streak, isLastResort = false, now } = context;
  switch (failure.kind) {
    case "rate-limited":
      return {
        kind: failure.kind,
        scope: failure.scope === "model" ? modelScope : "",
        until: failure.until ?? now + growing(unknownLimitMs, streak, (isLastResort ? 900 : 3600) * second),
        isTold: failure.until !== undefined,
        reason: failure.reason,
      };
    case "capacity":
      // Full is the provider, and mostly one model of it: other models on the account stay usable.
      return {
        kind: failure.kind,
        scope: modelScope,
        until: Math.min(failure.until ?? now + growing(2 * second, streak, 60 * second), now + 60 * second),
        isTold: failure.until !== undefined,
        reason: failure.reason,
      };
    case "storage":
      return { kind: failure.kind, scope: "", until: failure.until, isTold: true, reason: failure.reason };
    case "proxy":
      return {
        kind: failure.kind,
        scope: "",
        until: now + growing(30 * second, streak, 300 * second),
        isTold: false,
        reason: failure.cause.message,
      };
    case "unreachable":
      return cooldownAfterFaults(failure.kind, failure.cause.message, context);
    case "server-error":
      return cooldownAfterFaults(failure.kind, failure.reason, context);
    case "unauthorized":
    case "login-revoked":
    case "account-out":
      return {
        kind: failure.kind,
        scope: "",
        until: now + policy.unavailableMs,
        isTold: false,
        reason: failure.reason,
      };
    case "refresh-rejected":
      return {
        kind: failure.kind,
        scope: "",
        until: failure.until ?? now + unknownLimitMs,
        isTold: false,
        reason: failure.reason,
      };
    case "model-denied":
      return {
        kind: failure.kind,
        scope: modelScope,
        until: now + policy.unavailableMs,
        isTold: false,
        reason: failure.reason,
      };
    case "limited-unblamed":
    case "unexplained-refusal":
    case "edge-refused":
    case "unreadable":
    case "model-missing":
    case "rejected":
    case "shortage":
    case "aborted":
      return undefined;
  }
}

/** One fault can be the request's; three in a row without a good answer between them are the account's. */
function cooldownAfterFaults(
  kind: "unreachable" | "server-error",
  reason: string,
  { streak, now }: CooldownContext,
): CooldownDecision | undefined {
  if (streak < faultsBeforeCooldown) return undefined;
  return {
    kind,
    scope: "",
    until: now + growing(10 * second, streak - faultsBeforeCooldown + 1, 300 * second),
    isTold: false,
    reason,
  };
}

/**
 * Whether a cooldown that is running stays in place of the next one of its scope. Mostly the later end counts, since many requests
 * are under way when a limit is reached and each brings a reason of its own. Two things replace it all the same: an end that
 * the provider gave when it was asked after the cooldown began, and a refused credential, which a person has to see.
 */
export function outlasts(running: Cooldown, next: CooldownDecision, sentAt: number): boolean {
  if (next.kind === "unauthorized" || next.kind === "login-revoked" || next.kind === "account-out")
    return false;
  const isNews = next.isTold && next.kind === running.kind && sentAt > running.since;
  return !isNews && running.until > next.until;
}

function growing(firstMs: number, streak: number, maxMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(streak - 1, 20), maxMs);
}

/** Faults of these kinds count together: a provider that alternates between 502 and resets is one broken provider. */
export function streakKey(failure: Failure, modelScope: string): string {
  switch (failure.kind) {
    case "unreachable":
    case "server-error":
      return "fault";
    case "capacity":
      return `capacity ${modelScope}`;
    case "rate-limited":
      return `limit ${failure.scope === "model" ? modelScope : ""}`;
    default:
      return failure.kind;
  }
}

/** How long accounts stay out that refused one and the same request. */
const sharedRefusalMs = 60_000;

export interface Shortened {
  account: Account;
  cooldown: Cooldown;
}

/**
 * Shortens the cooldowns of a request that every account refused: the request may be at fault, and must not take a pool out for
 * long. Returns those that end earlier, with their new end. `asked` are all accounts that a request was sent to, with the cooldown
 * that it put each in, if any. Empty unless two or more were asked and every one refused it (credential, account out, model). A
 * login that the token endpoint says is dead counts neither as asked nor as refused.
 */
export function shortenShared(asked: ReadonlyMap<Account, Cooldown | undefined>, now: number): Shortened[] {
  const refused: Shortened[] = [];
  for (const [account, cooldown] of asked) {
    if (cooldown?.kind === "login-revoked") continue;
    if (cooldown === undefined || !isRefusal(cooldown.kind)) return [];
    refused.push({ account, cooldown });
  }
  if (refused.length < 2) return [];
  const until = now + sharedRefusalMs;
  return refused.flatMap(({ account, cooldown }) => {
    const running = account.cooldowns.get(cooldown.scope);
    // Another request's cooldown, that of a limit for instance, stays as it is.
    const isOwn = running !== undefined && isRefusal(running.kind) && running.until === cooldown.until;
    return isOwn && running.until > until ? [{ account, cooldown: { ...running, until } }] : [];
  });
}

/** Kinds of cooldown that the request itself may have provoked. */
function isRefusal(kind: CooldownKind): boolean {
  return kind === "unauthorized" || kind === "account-out" || kind === "model-denied";
}
