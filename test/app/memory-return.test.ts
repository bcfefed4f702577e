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
  const memoryReturn = createMemoryReturn({ memory, collect: () => void collections++ });
  while (peaks.length > 0) {
    await memoryReturn.check();
    after.push(collections);
  }
  assert.deepEqual(after, [0, 0, 0, 1, 1, 1, 1, 1, 2, 2]);
});
