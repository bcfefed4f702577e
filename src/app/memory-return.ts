// Returns memory to the system after a burst: buffers of large bodies are garbage outside of V8's heap, and an idle relay allocates nothing
// that would make V8 collect them.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { MemoryBudget } from "../relay/memory-budget.ts";

export interface MemoryReturn {
  /** To be called every few seconds. */
  check(): Promise<void>;
}

export interface MemoryReturnOptions {
  memory: Pick<MemoryBudget, "takePeak">;
  /** Collects all garbage; V8's own when absent. It stops the process for some ten milliseconds. */
  collect?: () => void;
}

/** Less than this is not worth a pause. */
const minPeakBytes = 32 * 1024 * 1024;

export function createMemoryReturn({ memory, collect = collectGarbage }: MemoryReturnOptions): MemoryReturn {
  let isDue = false;
  return {
    async check() {
      const peak = memory.takePeak();
      const isQuiet = peak < minPeakBytes;
      // Not while the burst goes on: the next bodies would only make new garbage.
      if (isDue && isQuiet) collect();
      isDue = !isQuiet;
    },
  };
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc === "function") gc();
}
