// Time that passes when a test says so: a clock, and the timers of it.

import type { Clock } from "../../src/time/clock.ts";
import type { Timer, Timers } from "../../src/time/timers.ts";

export interface ManualTime {
  clock: Clock;
  timers: Timers;
  /** Lets so many ms go by; what is due by then is done in the order of its time. */
  advance(ms: number): void;
  /** Lets `stepMs` go by in every moment, in which sockets and threads have a turn, until it is stopped. */
  run(stepMs: number): { stop(): void };
  /** Resolves when so many ms have gone by. */
  sleep(ms: number): Promise<void>;
}

interface Waiting {
  at: number;
  ms: number;
  repeats: boolean;
  work(): void;
}

/** A moment is this long by the system's clock. */
const momentMs = 2;

export function createManualTime(startAt = Date.now()): ManualTime {
  const waiting = new Set<Waiting>();
  let passed = 0;

  function add(ms: number, work: () => void, repeats: boolean): Timer {
    const entry: Waiting = { at: passed + ms, ms, repeats, work };
    waiting.add(entry);
    const timer: Timer = {
      stop: () => void waiting.delete(entry),
      restart() {
        entry.at = passed + ms;
        waiting.add(entry);
      },
      unref: () => timer,
    };
    return timer;
  }

  function nextBy(end: number): Waiting | undefined {
    let next: Waiting | undefined;
    for (const entry of waiting)
      if (entry.at <= end && (next === undefined || entry.at < next.at)) next = entry;
    return next;
  }

  const time: ManualTime = {
    clock: { now: () => startAt + passed, monotonic: () => passed },
    timers: {
      after: (ms, work) => add(ms, work, false),
      every: (ms, work) => add(ms, work, true),
    },
    advance(ms) {
      const end = passed + ms;
      for (let next = nextBy(end); next !== undefined; next = nextBy(end)) {
        passed = Math.max(passed, next.at);
        if (next.repeats) next.at += Math.max(1, next.ms);
        else waiting.delete(next);
        next.work();
      }
      passed = end;
    },
    run(stepMs) {
      const moments = setInterval(() => time.advance(stepMs), momentMs);
      return { stop: () => clearInterval(moments) };
    },
    sleep: (ms) => new Promise((resolve) => void time.timers.after(ms, resolve)),
  };
  return time;
}
