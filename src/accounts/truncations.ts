// Counts answers that were truncated after their first byte. No other account can take such an answer over, and the client asks again:
// the next request is better off elsewhere.

export interface Truncations {
  /** In a row, without a whole answer between them. */
  count: number;
  /** Epoch ms of the last; 0: never. */
  at: number;
}

export const noTruncations: Truncations = { count: 0, at: 0 };

/** Answers that were under way together and were truncated together, as they are when a network goes away, count once. */
export function addTruncation(
  { count, at }: Truncations,
  { beganAt, now }: { beganAt: number; now: number },
): Truncations {
  return { count: beganAt >= at ? count + 1 : count, at: now };
}

const unstableMs = 60_000;

/**
 * Epoch ms until which the account ranks behind those that give whole answers; undefined when it does not. It may be the only
 * one, and is no worse for that.
 */
export function unstableUntil({ count, at }: Truncations, now: number): number | undefined {
  const isRecent = at <= now && now - at < unstableMs;
  return count > 0 && isRecent ? at + unstableMs : undefined;
}
