// The time of day, and the monotonic time that only goes forward. One object, so that tests can set both.

import { performance } from "node:perf_hooks";

export interface Clock {
  /** Epoch ms as the system has it: a person, a time server or a sleeping machine may move it either way. */
  now(): number;
  /** Ms since some moment; never goes back, and stops while the machine sleeps. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
