// Timers that are given: the system's, or a test's, which lets hours go by in a moment.

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

export const systemTimers: Timers = {
  after: (ms, work) => wrap(setTimeout(work, ms)),
  every: (ms, work) => wrap(setInterval(work, ms)),
};

function wrap(system: NodeJS.Timeout): Timer {
  const timer: Timer = {
    stop: () => clearTimeout(system),
    restart: () => void system.refresh(),
    unref() {
      system.unref();
      return timer;
    },
  };
  return timer;
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
