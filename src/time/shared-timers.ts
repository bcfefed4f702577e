// Timers of some length that share one of the system's. A request has several, and nearly all are stopped long before their time: a timer
// of the system costs five times as much to make and to clear as one of these.

import { systemClock } from "./clock.ts";
import type { Timer } from "./timers.ts";

/** How late one may be. */
export const sharedTickMs = 50;

export interface SharedTimersOptions {
  monotonic?: () => number;
  /** Calls the work every so many ms while there are timers. The system's interval unless given. */
  every?: (ms: number, work: () => void) => Interval;
}

/** What is needed of the system's interval. */
interface Interval {
  ref(): unknown;
  unref(): unknown;
  close(): unknown;
}

/** @returns as `Timers.after`. */
export function createSharedTimers({
  monotonic = systemClock.monotonic,
  every = (ms, work) => setInterval(work, ms),
}: SharedTimersOptions = {}): (ms: number, work: () => void) => Timer {
  /** By duration: what is added last is due last. */
  const lists = new Map<number, TimerList>();
  let interval: Interval | undefined;
  /** Of those that wait, the ones that a process waits for. */
  let refs = 0;

  const owner: Owner = {
    monotonic,
    add(timer) {
      let list = lists.get(timer.ms);
      if (list === undefined) {
        list = new TimerList();
        lists.set(timer.ms, list);
      }
      list.append(timer);
      interval ??= every(sharedTickMs, tick);
      if (timer.isRef) owner.countRef(1);
      else if (refs === 0) interval.unref();
    },
    countRef(change) {
      refs += change;
      if (refs === 0) interval?.unref();
      else if (refs === 1 && change === 1) interval?.ref();
    },
  };

  function tick(): void {
    const now = monotonic();
    for (const [ms, list] of lists) {
      for (let first = list.first; first !== undefined && first.listedUntil <= now; first = list.first) {
        first.fireOrWait(now);
      }
      if (list.first === undefined) lists.delete(ms);
    }
    if (lists.size > 0) return;
    interval?.close();
    interval = undefined;
  }

  return (ms, work) => new SharedTimer(owner, ms, work);
}

interface Owner {
  monotonic(): number;
  add(timer: SharedTimer): void;
  countRef(change: 1 | -1): void;
}

class SharedTimer implements Timer {
  readonly ms: number;
  readonly #owner: Owner;
  readonly #work: () => void;
  #dueAt: number;
  #isStopped = false;
  isRef = true;
  /** When its list looks at it; it is due then, unless it was restarted meanwhile. */
  listedUntil: number;
  /** While it waits. */
  list: TimerList | undefined;
  previous: SharedTimer | undefined;
  next: SharedTimer | undefined;

  constructor(owner: Owner, ms: number, work: () => void) {
    this.#owner = owner;
    this.ms = ms;
    this.#work = work;
    this.#dueAt = this.listedUntil = owner.monotonic() + ms;
    owner.add(this);
  }

  stop(): void {
    this.#isStopped = true;
    this.#leave();
  }

  /** The most frequent call of all, once for each piece of a stream: it moves nothing. */
  restart(): void {
    if (this.#isStopped) return;
    this.#dueAt = this.#owner.monotonic() + this.ms;
    if (this.list === undefined) this.#wait();
  }

  unref(): Timer {
    if (!this.isRef) return this;
    this.isRef = false;
    if (this.list !== undefined) this.#owner.countRef(-1);
    return this;
  }

  fireOrWait(now: number): void {
    this.#leave();
    if (this.#dueAt > now) this.#wait();
    else this.#work();
  }

  #wait(): void {
    this.listedUntil = this.#dueAt;
    this.#owner.add(this);
  }

  #leave(): void {
    if (this.list === undefined) return;
    this.list.remove(this);
    if (this.isRef) this.#owner.countRef(-1);
  }
}

class TimerList {
  first: SharedTimer | undefined;
  #last: SharedTimer | undefined;

  append(timer: SharedTimer): void {
    timer.list = this;
    timer.previous = this.#last;
    if (this.#last === undefined) this.first = timer;
    else this.#last.next = timer;
    this.#last = timer;
  }

  remove(timer: SharedTimer): void {
    const { previous, next } = timer;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    timer.previous = timer.next = timer.list = undefined;
  }
}
