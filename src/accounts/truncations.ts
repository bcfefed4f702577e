// Answers that break off after their first byte. No other account can take such an answer over, and the client asks again; where
// it happens on one account time after time, the next request is better off elsewhere.

export interface Truncations {
  /** In a row, without a whole answer between them. */
  count: number;
  /** Epoch ms of the last; 0: never. */
  at: number;
}

export const noTruncations: Truncations = { count: 0, at: 0 };

/** Answers that were under way together and broke off together, as they do when a network goes away, are one cut. */
export function addTruncation(
  { count, at }: Truncations,
  { beganAt, now }: { beganAt: number; now: number },
): Truncations {
  return { count: beganAt >= at ? count + 1 : count, at: now };
}

const maxTruncations = 3;
/** As long as the longest cooldown for faults before the first byte. */
const memoryMs = 300_000;

/** Whether answers keep breaking off, and lately did. The account is not put in cooldown for it: it may be the only one. */
export function isUnstable({ count, at }: Truncations, now: number): boolean {
  return count >= maxTruncations && now - at < memoryMs;
}
