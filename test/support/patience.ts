// Upper limits on time in tests. A machine that has more to do than it has processors is late with everything, and a limit
// that forgets this fails tests of code that is right.

import { availableParallelism, loadavg } from "node:os";

/** The limit itself on a machine with processors to spare; as many times as long as there is work for each processor. */
export function patient(ms: number): number {
  const [lastMinute = 0] = loadavg();
  return ms * Math.max(1, lastMinute / availableParallelism());
}
