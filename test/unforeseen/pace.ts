// Time as this process had it: on a machine that is busy with other things a second on the clock may be none of the process's own.

const stepMs = 50;

export interface Pace {
  /** What it returns says how late all steps since have been together, in milliseconds. */
  watch(): () => number;
  /** `over` resolves when the process has had so many milliseconds in steps that were not late. */
  after(ms: number): { over: Promise<void>; cancel(): void };
  close(): void;
}

export function createPace(): Pace {
  let steps = 0;
  let last = performance.now();
  const watching = new Set<{ lateMs: number }>();
  const waiting = new Set<{ until: number; end(): void }>();
  const timer = setInterval(() => {
    const now = performance.now();
    const lateMs = now - last - stepMs;
    last = now;
    steps++;
    for (const each of watching) each.lateMs += Math.max(0, lateMs);
    for (const each of [...waiting]) if (steps >= each.until) each.end();
  }, stepMs);
  return {
    watch() {
      const seen = { lateMs: 0 };
      watching.add(seen);
      return () => {
        watching.delete(seen);
        return seen.lateMs;
      };
    },
    after(ms) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const entry = {
        until: steps + Math.ceil(ms / stepMs),
        end: () => {
          waiting.delete(entry);
          resolve();
        },
      };
      waiting.add(entry);
      return { over: promise, cancel: () => void waiting.delete(entry) };
    },
    close: () => clearInterval(timer),
  };
}
