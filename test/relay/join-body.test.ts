import assert from "node:assert/strict";
import { test } from "node:test";
import { joinLargeBody } from "../../src/relay/join-body.ts";
import { createMemoryBudget } from "../../src/relay/memory-budget.ts";
import { MemoryExhausted } from "../../src/relay/memory-share.ts";

const mebi = 1024 * 1024;
const pieces = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, index) => Buffer.alloc(bytes, index % 251));

function budgetOf(maxBytes: number) {
  const budget = createMemoryBudget(() => ({ maxBytes, maxWaitMs: 10_000 }));
  return { budget, share: budget.open(new AbortController().signal) };
}

test("a large body comes together whole, and others have their turn meanwhile", async () => {
  const body = pieces(200, 99_991);
  let turns = 0;
  let running = true;
  const count = () => {
    turns++;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  const joined = await joinLargeBody(body, budgetOf(100 * mebi).share);
  running = false;
  assert.ok(Buffer.isBuffer(joined) && joined.equals(Buffer.concat(body)));
  assert.ok(turns >= 15, `${turns} turns`);
});

test("what is small, or in one piece, stays as it is", async () => {
  for (const body of [Buffer.alloc(20 * mebi), pieces(4, mebi), [], Buffer.alloc(0)]) {
    assert.equal(await joinLargeBody(body, budgetOf(0).share), body);
  }
});

test("while it is joined a body counts twice, and where there is no room for that it is refused", async () => {
  const { budget, share } = budgetOf(20 * mebi);
  await share.grow(8 * mebi);
  budget.takePeak();
  await joinLargeBody(pieces(8, mebi), share);
  assert.deepEqual([budget.takePeak(), budget.usedBytes], [16 * mebi, 8 * mebi]);
  await share.grow(4 * mebi);
  await assert.rejects(joinLargeBody(pieces(12, mebi), share), MemoryExhausted);
  assert.equal(budget.usedBytes, 12 * mebi);
});
