// The time of day that has proved true: by it is decided what is so old that it is deleted.

import type { Clock } from "./clock.ts";

/** How long the time of day has to agree with the monotonic clock after a start or a jump forward. */
const settleMs = 6 * 60 * 60 * 1000;

/**
 * Returns a function for the time, to be asked every now and then. It is 0 until the process has run for some hours, goes back
 * with the time of day at once, and follows it forward (a sleep of the machine, or an error) hours later only.
 */
export function createSettledTime(clock: Clock): () => number {
  let offset = Number.NEGATIVE_INFINITY;
  /** The smallest offset of the time of day from the monotonic clock since then. */
  let next: { since: number; offset: number } | undefined;
  return () => {
    const monotonic = clock.monotonic();
    const current = clock.now() - monotonic;
    if (current <= offset) {
      offset = current;
      next = undefined;
    } else {
      next = { since: next?.since ?? monotonic, offset: Math.min(next?.offset ?? current, current) };
      if (monotonic - next.since >= settleMs) {
        offset = next.offset;
        next = undefined;
      }
    }
    return Math.max(0, monotonic + offset);
  };
}
