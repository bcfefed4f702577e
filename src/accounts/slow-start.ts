// Slow start: lets many sessions that leave one account at once reach the next one a few at a time, so that they do not
// overload account after account: one until a first answer is good, then a few more every 250 ms.

import { systemTimers, type Timer, type Timers } from "../time/timers.ts";

export interface SlowStart {
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

export interface SlowStartOptions {
  stepMs?: number;
  /** Places added per step once an answer was good. */
  perStep?: number;
  /** A first answer that takes longer than this lets one more through: unstreamed answers can take minutes. */
  waitTimeoutMs?: number;
  /** The system's when absent. */
  timers?: Timers;
}

interface Gate {
  opened: boolean;
  places: number;
  waiting: Waiter[];
  timer: Timer | undefined;
}

interface Waiter {
  resolve(outcome: Ticket | "refused"): void;
  signal: AbortSignal;
}

export function createSlowStart({
  stepMs = 250,
  perStep = 4,
  waitTimeoutMs = 10_000,
  timers = systemTimers,
}: SlowStartOptions = {}): SlowStart {
  const gates = new Map<string, Gate>();

  function issue(id: string, gate: Gate): Ticket {
    gate.places--;
    let said = false;
    return {
      done(good) {
        if (said) return;
        said = true;
        settle(id, gate, good);
      },
    };
  }

  function settle(id: string, gate: Gate, good: boolean): void {
    if (gates.get(id) !== gate) return;
    if (good) {
      if (gate.opened) return;
      gate.opened = true;
      gate.places += perStep;
      admit(id, gate);
      widen(id, gate, stepMs);
      return;
    }
    if (gate.opened) return;
    close(id, gate);
    for (const waiter of gate.waiting) waiter.resolve("refused");
  }

  function close(id: string, gate: Gate): void {
    gate.timer?.stop();
    gates.delete(id);
  }

  function admit(id: string, gate: Gate): void {
    while (gate.places > 0) {
      const waiter = gate.waiting.shift();
      if (!waiter) return;
      if (!waiter.signal.aborted) waiter.resolve(issue(id, gate));
    }
  }

  function widen(id: string, gate: Gate, delayMs: number): void {
    gate.timer?.stop();
    const widenAgain = () => {
      if (gate.opened && gate.waiting.length === 0) return close(id, gate);
      gate.places += gate.opened ? perStep : 1;
      admit(id, gate);
      widen(id, gate, gate.opened ? stepMs : waitTimeoutMs);
    };
    gate.timer = timers.after(delayMs, widenAgain).unref();
  }

  return {
    async enter(accountId, signal) {
      let gate = gates.get(accountId);
      if (!gate) {
        gate = { opened: false, places: 1, waiting: [], timer: undefined };
        gates.set(accountId, gate);
        widen(accountId, gate, waitTimeoutMs);
      }
      if (gate.places > 0) return issue(accountId, gate);
      return await queue(gate, signal);
    },
  };
}

function queue(gate: Gate, signal: AbortSignal): Promise<Ticket | "refused"> {
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
      gate.waiting.splice(gate.waiting.indexOf(waiter), 1);
      reject(signal.reason);
    };
    gate.waiting.push(waiter);
    signal.addEventListener("abort", leave, { once: true });
  });
}
