// Lets many sessions that leave one account at once reach the next one a few at a time, so that a herd does not
// topple account after account: one until a first answer is good, then a few more every 250 ms.

export interface Ramp {
  /**
   * Waits for a place on the account. Resolves "refused" when the account failed meanwhile: choose again.
   * Rejects with the signal's reason when the client leaves.
   */
  enter(accountId: string, signal: AbortSignal): Promise<Ticket | "refused">;
}

export interface Ticket {
  /** Said once: the first answer was good, or the attempt failed. */
  done(good: boolean): void;
}

export interface RampOptions {
  stepMs?: number;
  /** Places added per step once an answer was good. */
  perStep?: number;
  /** A first answer that takes longer than this lets one more through: unstreamed answers can take minutes. */
  patienceMs?: number;
}

interface Slope {
  opened: boolean;
  places: number;
  waiting: Waiter[];
  timer: NodeJS.Timeout | undefined;
}

interface Waiter {
  resolve(outcome: Ticket | "refused"): void;
  signal: AbortSignal;
}

export function createRamp({ stepMs = 250, perStep = 4, patienceMs = 10_000 }: RampOptions = {}): Ramp {
  const slopes = new Map<string, Slope>();

  function issue(id: string, slope: Slope): Ticket {
    slope.places--;
    let said = false;
    return {
      done(good) {
        if (said) return;
        said = true;
        settle(id, slope, good);
      },
    };
  }

  function settle(id: string, slope: Slope, good: boolean): void {
    if (slopes.get(id) !== slope) return;
    if (good) {
      if (slope.opened) return;
      slope.opened = true;
      slope.places += perStep;
      admit(id, slope);
      climb(id, slope, stepMs);
      return;
    }
    if (slope.opened) return;
    close(id, slope);
    for (const waiter of slope.waiting) waiter.resolve("refused");
  }

  function close(id: string, slope: Slope): void {
    clearTimeout(slope.timer);
    slopes.delete(id);
  }

  function admit(id: string, slope: Slope): void {
    while (slope.places > 0) {
      const waiter = slope.waiting.shift();
      if (!waiter) return;
      if (!waiter.signal.aborted) waiter.resolve(issue(id, slope));
    }
  }

  function climb(id: string, slope: Slope, delayMs: number): void {
    clearTimeout(slope.timer);
    slope.timer = setTimeout(() => {
      if (slope.opened && slope.waiting.length === 0) return close(id, slope);
      slope.places += slope.opened ? perStep : 1;
      admit(id, slope);
      climb(id, slope, slope.opened ? stepMs : patienceMs);
    }, delayMs);
    slope.timer.unref();
  }

  return {
    async enter(accountId, signal) {
      let slope = slopes.get(accountId);
      if (!slope) {
        slope = { opened: false, places: 1, waiting: [], timer: undefined };
        slopes.set(accountId, slope);
        climb(accountId, slope, patienceMs);
      }
      if (slope.places > 0) return issue(accountId, slope);
      return await queue(slope, signal);
    },
  };
}

function queue(slope: Slope, signal: AbortSignal): Promise<Ticket | "refused"> {
  // An abort that has happened is announced to nobody who listens from now on.
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const waiter: Waiter = {
      signal,
      resolve(outcome) {
        signal.removeEventListener("abort", leave);
        resolve(outcome);
      },
    };
    const leave = () => {
      slope.waiting.splice(slope.waiting.indexOf(waiter), 1);
      reject(signal.reason);
    };
    slope.waiting.push(waiter);
    signal.addEventListener("abort", leave, { once: true });
  });
}
