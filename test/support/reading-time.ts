// Measures how long a text takes to be read.

import { patient } from "./patience.ts";

const maxReadMs = 50;

/** On a machine that has much more to do than it has processors for, the same work takes more of a processor's time, too. */
export function isTooSlow(ms: number): boolean {
  return ms > patient(maxReadMs);
}

/**
 * Of this thread's work alone, and the shortest of three: neither another program's turn nor a garbage collection counts. What is
 * thrown, or rejected later, is how a reader says no.
 */
export function readingMs<Given>(prepare: () => Given, read: (given: Given) => unknown): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 3 && shortest > maxReadMs; turn++) {
    const given = prepare();
    const begun = process.threadCpuUsage();
    try {
      const result = read(given);
      if (result instanceof Promise) result.catch(() => {});
    } catch {
      // It has been read by then.
    }
    const { user, system } = process.threadCpuUsage(begun);
    shortest = Math.min(shortest, (user + system) / 1000);
  }
  return shortest;
}
