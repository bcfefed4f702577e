// V8's space for new objects grows to what the relay lets it have, and no further.

import assert from "node:assert/strict";
import { test } from "node:test";
import { getHeapSpaceStatistics } from "node:v8";
import { createYoungGeneration } from "../../src/app/young-generation.ts";

const mebi = 1024 * 1024;
const newSpaceMb = () =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")!.space_size / mebi;

/** Makes objects of which most live on for a while: V8 makes room for them. */
async function allocate(afterEach: () => Promise<void>): Promise<number> {
  let mostMb = 0;
  let kept: object[] = [];
  for (let round = 0; round < 300; round++) {
    for (let count = 0; count < 10_000; count++) kept.push({ count, list: [count] });
    if (kept.length > 100_000) kept = kept.slice(50_000);
    await afterEach();
    mostMb = Math.max(mostMb, newSpaceMb());
  }
  return mostMb;
}

test("the space for new objects grows to two times 8 MB, and at most to twice that", async () => {
  const limited = createYoungGeneration();
  const mostMb = await allocate(() => limited.check());
  assert.ok(mostMb >= 16 && mostMb <= 32, `${mostMb} MB`);
});

test("a space that V8 has made smaller may grow again", async () => {
  const sizes = [1, 16, 40, 2, 8, 16];
  const growth: number[] = [];
  const limited = createYoungGeneration({
    readBytes: () => sizes.shift()! * mebi,
    setGrowth: (factor) => growth.push(factor),
  });
  while (sizes.length > 0) await limited.check();
  assert.deepEqual(growth, [1, 2, 1]);
});
