// Memory is collected once after a burst of large bodies, and neither during one nor without one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryReturn } from "../../src/app/memory-return.ts";

const mebi = 1024 * 1024;

test("a burst is followed by one collection, as soon as it is over", async () => {
  let collections = 0;
  const peaks = [0, 100 * mebi, 100 * mebi, 0, 0, 31 * mebi, 0, 40 * mebi, mebi, 0];
  const after: number[] = [];
  const memory = { takePeak: () => peaks.shift() ?? 0 };
  const memoryReturn = createMemoryReturn({
    memory,
    utilization: () => 0,
    collect: () => void collections++,
  });
  while (peaks.length > 0) {
    await memoryReturn.check();
    after.push(collections);
  }
  assert.deepEqual(after, [0, 0, 0, 1, 1, 1, 1, 1, 2, 2]);
});

test("a heap that converting streams have filled is collected when the relay has been idle for a minute", async () => {
  let collections = 0;
  // What is kept is no garbage: a heap of twice that is not large.
  const checks = [
    [0.01, 200],
    [0.6, 90],
    [0.5, 200],
    [0.6, 200],
    [0.02, 200],
    [0.01, 70],
    [0.6, 130],
    [0.01, 130],
    [0.6, 150],
    [0.01, 150],
  ] as const;
  let now: (typeof checks)[number] = checks[0];
  const memoryReturn = createMemoryReturn({
    memory: { takePeak: () => 0 },
    collect: () => void collections++,
    heap: () => ({ total_heap_size: now[1] * mebi, used_heap_size: 70 * mebi }),
    utilization: () => now[0],
  });
  const after: number[] = [];
  for (const check of checks) {
    now = check;
    const [utilization] = check;
    for (let look = 0; look < (utilization > 0.1 ? 1 : 11); look++) await memoryReturn.check();
    const before = collections;
    if (utilization <= 0.1) await memoryReturn.check();
    after.push(collections);
    assert.equal(before, after.at(-2) ?? 0, "not earlier");
  }
  assert.deepEqual(after, [0, 0, 0, 0, 1, 1, 1, 1, 1, 2]);
});
