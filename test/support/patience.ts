// Upper limits on time in tests. A machine that has more to do than it has processors is late with everything, and a limit
// that forgets this fails tests of code that is right.

import { readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";

/** The limit itself on a machine with processors to spare; as many times as long as there is work for each processor. */
export function patient(ms: number): number {
  const [lastMinute = 0] = loadavg();
  return ms * Math.max(1, lastMinute / availableParallelism());
}

/**
 * For how long in all this thread was ready to run and had no processor, in ms; 0 where the system does not say (it is Linux's figure). A
 * time without it is the thread's own: its work, and what it waits for.
 */
export function queuedMs(): number {
  try {
    // Nanoseconds on a processor, nanoseconds in its queue, turns: Documentation/scheduler/sched-stats.rst of the kernel.
    return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}
