// Computes how long an access token is still valid, by two clocks: the wall clock can be set, the monotonic one stops while a machine sleeps.

import type { Clock } from "../time/clock.ts";

export interface AgingToken {
  token: string;
  /** Epoch ms. */
  expiresAt: number;
  /** What it lasted when it was handed out. */
  lifetimeMs: number;
  /** Monotonic time at which this process got to know it, and what it lasted then. */
  knownAt: number;
  remainingAtKnown: number;
}

/** A token just handed out, or read from the store with the time it was handed out. */
export function ageToken(
  issued: { token: string; expiresAt: number; issuedAt: number },
  clock: Clock,
): AgingToken {
  const { token, expiresAt, issuedAt } = issued;
  const lifetimeMs = Math.max(0, expiresAt - issuedAt);
  // More than its whole lifetime cannot be left: then the wall clock was set back since.
  const remainingAtKnown = Math.min(expiresAt - clock.now(), lifetimeMs);
  return { token, expiresAt, lifetimeMs, knownAt: clock.monotonic(), remainingAtKnown };
}

/** The smaller of what the two clocks say. */
export function remainingMs(token: AgingToken, clock: Clock): number {
  const byMonotonic = token.remainingAtKnown - (clock.monotonic() - token.knownAt);
  return Math.min(token.expiresAt - clock.now(), byMonotonic);
}

export type Freshness = "fresh" | "refresh-soon" | "refresh-now";

/** `refresh-soon`: good to use, to be refreshed in the background. */
export function freshnessOf(token: AgingToken, clock: Clock): Freshness {
  const left = remainingMs(token, clock);
  // Tokens that live for seconds would otherwise be refreshed for ever.
  if (left <= Math.min(mandatoryMs, token.lifetimeMs / 2)) return "refresh-now";
  return left <= Math.min(backgroundMs, token.lifetimeMs / 2) ? "refresh-soon" : "fresh";
}

/** A request that leaves now should still find its token good when it arrives. */
const mandatoryMs = 10_000;
/** As Anthropic's own SDK does it. */
const backgroundMs = 120_000;
