// What is met again and again is said at once and then once a minute with its count: a flood of it fills no log.

import { systemTimers, type Timer, type Timers } from "../time/timers.ts";

export interface Repetitions<Event> {
  record(event: Event): void;
  /** Says what was counted and not said yet. */
  flush(): void;
}

export interface RepetitionOptions<Event> {
  /** What counts as the same; `coarse` when very many kinds are known already. */
  kindOf(event: Event): { fine: string; coarse: string };
  /** Gets the last event of those that it counts. */
  say(event: Event, count: number): void;
  /** The system's when absent. */
  timers?: Timers | undefined;
}

const intervalMs = 60_000;
/** A page can make up origins without end. */
const maxKinds = 50;

export function createRepetitions<Event>(options: RepetitionOptions<Event>): Repetitions<Event> {
  const { kindOf, say, timers = systemTimers } = options;
  /** How often each kind was met since it was said last. */
  const kinds = new Map<string, { count: number; last: Event }>();
  let timer: Timer | undefined;

  function record(event: Event): void {
    const { fine, coarse } = kindOf(event);
    const kind = kinds.has(fine) || kinds.size < maxKinds ? fine : coarse;
    const repeated = kinds.get(kind);
    if (repeated) {
      repeated.count++;
      repeated.last = event;
      return;
    }
    kinds.set(kind, { count: 0, last: event });
    timer ??= timers.after(intervalMs, flush).unref();
    say(event, 1);
  }

  function flush(): void {
    timer?.stop();
    for (const [kind, { count, last }] of kinds) {
      if (count === 0) {
        kinds.delete(kind);
        continue;
      }
      kinds.set(kind, { count: 0, last });
      say(last, count);
    }
    timer = kinds.size > 0 ? timers.after(intervalMs, flush).unref() : undefined;
  }

  return { record, flush };
}
