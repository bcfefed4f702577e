// Timers that are given: the system's, or a test's, which lets hours go by in a moment.

import { createSharedTimers } from "./shared-timers.ts";

export interface Timer {
  stop(): void;
  /** From the beginning, with the time it was made with. */
  restart(): void;
  /** A process that has nothing else to do does not wait for it. */
  unref(): Timer;
}

export interface Timers {
  /** Does the work once, so many ms from now. */
  after(ms: number, work: () => void): Timer;
  /** Does the work every so many ms, until it is stopped. */
  every(ms: number, work: () => void): Timer;
}

/** Shorter ones are to be exact, and longer ones are not a request's: an idle relay would wake up for them twenty times a second. */
const minSharedMs = 1000;
const maxSharedMs = 600_000;
const afterShared = createSharedTimers();

export const systemTimers: Timers = {
  after: (ms, work) =>
    ms < minSharedMs || ms > maxSharedMs ? new SystemTimer(setTimeout(work, ms)) : afterShared(ms, work),
  every: (ms, work) => new SystemTimer(setInterval(work, ms)),
};

class SystemTimer implements Timer {
  readonly #system: NodeJS.Timeout;

  constructor(system: NodeJS.Timeout) {
    this.#system = system;
  }

  stop(): void {
    clearTimeout(this.#system);
  }

  restart(): void {
    this.#system.refresh();
  }

  unref(): Timer {
    this.#system.unref();
    return this;
  }
}

/** Resolves so many ms from now; rejects with the signal's reason when that comes first. */
export function sleepOn(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const leave = () => {
      timer.stop();
      reject(signal.reason);
    };
    const timer = timers.after(ms, () => {
      signal.removeEventListener("abort", leave);
      resolve();
    });
    signal.addEventListener("abort", leave, { once: true });
  });
}
