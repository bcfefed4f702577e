// Returns memory to the system after a burst: buffers of large bodies, and what converting streams left on V8's heap. An idle relay allocates
// nothing that would make V8 collect them.

import { getHeapStatistics, setFlagsFromString } from "node:v8";
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
  /** V8's heap. */
  heap?: () => { total_heap_size: number; used_heap_size: number };
  /** The part of the time since the last call in which the event loop had work; the system's when absent. */
  utilization?: () => number;
}

/** Less than this is not worth a pause. */
const minPeakBytes = 32 * 1024 * 1024;
/** An idle relay has a third. */
const minHeapBytes = 96 * 1024 * 1024;
const maxIdleUtilization = 0.1;
/**
 * So many looks in a row find the relay idle before its heap is collected, which is a minute. V8 drops the room that new objects had, too: streams
 * that come soon after cost twice as much.
 */
const minIdleLooks = 12;

export function createMemoryReturn({
  memory,
  collect = collectGarbage,
  heap = getHeapStatistics,
  utilization = measureUtilization(),
}: MemoryReturnOptions): MemoryReturn {
  let isBodyDue = false;
  let isHeapDue = false;
  let idleLooks = 0;
  /** What is no garbage needs no second look. */
  let keptBytes = 0;
  return {
    async check() {
      const isBurst = memory.takePeak() >= minPeakBytes;
      const isIdle = utilization() <= maxIdleUtilization && !isBurst;
      if (!isIdle) {
        idleLooks = 0;
        isBodyDue ||= isBurst;
        isHeapDue ||= heap().total_heap_size > Math.max(minHeapBytes, 2 * keptBytes);
        return;
      }
      idleLooks++;
      // Not while the burst goes on: the next bodies would only make new garbage.
      if (!isBodyDue && !(isHeapDue && idleLooks >= minIdleLooks)) return;
      isBodyDue = isHeapDue = false;
      collect();
      keptBytes = heap().used_heap_size;
    },
  };
}

function measureUtilization(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const before = last;
    last = performance.eventLoopUtilization();
    return performance.eventLoopUtilization(last, before).utilization;
  };
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc === "function") gc();
}
