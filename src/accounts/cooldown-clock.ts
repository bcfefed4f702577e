// Ends cooldowns by the monotonic clock, so that a change of the time of day does not prolong them.

import type { Clock } from "../time/clock.ts";

export interface CooldownClock {
  /**
   * Whether the cooldown has lasted as long as it was to last when it was first seen with this end. While the machine sleeps
   * the monotonic clock stops; there the time of day ends it.
   */
  isOver(key: string, until: number): boolean;
  forget(key: string): void;
}

export function createCooldownClock(clock: Clock): CooldownClock {
  const ends = new Map<string, { until: number; at: number }>();
  return {
    isOver(key, until) {
      const now = clock.now();
      if (until <= now) return true;
      const known = ends.get(key);
      if (known?.until === until) return clock.monotonic() >= known.at;
      ends.set(key, { until, at: clock.monotonic() + until - now });
      return false;
    },
    forget: (key) => void ends.delete(key),
  };
}
