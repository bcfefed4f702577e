// The memory that request bodies share.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryBudget } from "../../src/relay/memory-budget.ts";
import { MemoryExhausted } from "../../src/relay/memory-share.ts";

const open = new AbortController().signal;

function budgetOf(maxBytes: number, maxWaitMs = 10_000) {
  return createMemoryBudget(() => ({ maxBytes, maxWaitMs }));
}

test("what fits is there at once, and released memory is there for others", () => {
  const budget = budgetOf(100);
  const first = budget.open(open);
  assert.equal(first.grow(60), undefined);
  assert.equal(first.grow(40), undefined);
  assert.equal(budget.usedBytes, 100);
  first.shrink(30);
  assert.equal(budget.open(open).grow(30), undefined);
  first.release();
  first.release();
  assert.equal(budget.usedBytes, 30);
});

test("a request waits until enough was given back, and a small one does not wait behind it", async () => {
  const budget = budgetOf(100);
  const holder = budget.open(open);
  holder.grow(80);
  const large = budget.open(open);
  const waiting = large.grow(70);
  assert.ok(waiting instanceof Promise);
  assert.equal(budget.open(open).grow(20), undefined);
  holder.release();
  await waiting;
  assert.equal(large.bytes, 70);
  assert.equal(budget.usedBytes, 90);
});

test("a request that waits too long is answered so, and holds up nobody", async () => {
  const budget = budgetOf(100, 5);
  const holder = budget.open(open);
  holder.grow(90);
  await assert.rejects(
    async () => await budget.open(open).grow(20),
    (error) => error instanceof MemoryExhausted && !error.isTooLarge,
  );
  assert.equal(budget.usedBytes, 90);
  holder.release();
  assert.equal(budget.usedBytes, 0);
});

test("a client that leaves while it waits takes nothing", async () => {
  const budget = budgetOf(100);
  const holder = budget.open(open);
  holder.grow(90);
  const client = new AbortController();
  const share = budget.open(client.signal);
  const waiting = share.grow(20);
  client.abort(new Error("the client has left"));
  await assert.rejects(async () => await waiting, /has left/);
  share.release();
  holder.release();
  assert.equal(budget.usedBytes, 0);
});

test("a share that was released while it waited takes nothing either", async () => {
  const budget = budgetOf(100);
  const holder = budget.open(open);
  holder.grow(90);
  const share = budget.open(open);
  const waiting = share.grow(20);
  share.release();
  holder.release();
  await waiting;
  assert.equal(budget.usedBytes, 0);
});

test("what is counted is there at once, even above the limit, and is missing for others", async () => {
  const budget = budgetOf(100, 5);
  const share = budget.open(open);
  share.grow(90);
  share.count(20);
  assert.deepEqual([share.bytes, budget.usedBytes], [110, 110]);
  await assert.rejects(async () => await budget.open(open).grow(1), MemoryExhausted);
  share.release();
  assert.equal(budget.usedBytes, 0);
});

test("who may not wait is refused at once", () => {
  const budget = budgetOf(100);
  budget.open(open).grow(90);
  const share = budget.open(open);
  assert.throws(
    () => share.grow(20, false),
    (error) => error instanceof MemoryExhausted && !error.isTooLarge,
  );
  assert.equal(share.grow(10, false), undefined);
});

test("what would never fit is refused at once", () => {
  const share = budgetOf(100).open(open);
  share.grow(50);
  assert.throws(
    () => share.grow(51),
    (error) => error instanceof MemoryExhausted && error.isTooLarge && error.maxBytes === 100,
  );
});

test("of shares that grow one always has what it needs, so that they do not wait for one another", async () => {
  const budget = budgetOf(100);
  const shares = Array.from({ length: 3 }, () => budget.openGrowing(open));
  for (const share of shares) assert.equal(share.grow(25), undefined);
  const done: number[] = [];
  const growing = shares.map(async (share, index) => {
    await share.grow(15);
    await share.grow(10);
    done.push(index);
    share.release();
  });
  await Promise.all(growing);
  assert.deepEqual(done.toSorted(), [0, 1, 2]);
  assert.equal(budget.usedBytes, 0);
});

test("a growing share that was released while it waited leaves the last quarter to others", async () => {
  const budget = budgetOf(100);
  const [first, second, third] = Array.from({ length: 3 }, () => budget.openGrowing(open));
  first!.grow(90);
  const waiting = second!.grow(90);
  second!.release();
  first!.release();
  await waiting;
  assert.equal(third!.grow(90), undefined);
});

test("what a request needs later it has from the beginning, and gives back what it did not need", () => {
  const budget = budgetOf(100);
  const first = budget.open(open);
  assert.equal(first.begin(20, 60), undefined);
  assert.deepEqual([first.bytes, budget.usedBytes], [20, 80]);
  assert.throws(() => budget.open(open).grow(30, false), MemoryExhausted);
  assert.equal(first.grow(50, false), undefined);
  assert.deepEqual([first.bytes, budget.usedBytes], [70, 80]);
  assert.equal(first.grow(20, false), undefined);
  assert.deepEqual([first.bytes, budget.usedBytes], [90, 90]);
  first.shrink(85);
  first.endAhead();
  assert.deepEqual([first.bytes, budget.usedBytes], [5, 5]);

  const second = budget.open(open);
  second.begin(10, 40);
  second.endAhead();
  assert.deepEqual([second.bytes, budget.usedBytes], [10, 15]);
  first.begin(5, 10);
  first.release();
  assert.equal(budget.usedBytes, 10);
});

test("no more is taken ahead than all together have", async () => {
  const budget = budgetOf(100);
  const holder = budget.open(open);
  holder.grow(30);
  const share = budget.open(open);
  const waiting = share.begin(60, 1000);
  assert.ok(waiting instanceof Promise);
  holder.release();
  await waiting;
  assert.deepEqual([share.bytes, budget.usedBytes], [60, 100]);
  assert.equal(share.grow(40, false), undefined);
  assert.throws(
    () => share.grow(1),
    (error) => error instanceof MemoryExhausted && error.isTooLarge,
  );
});

test("a request that was over while it waited to begin has nothing ahead", async () => {
  const budget = budgetOf(100);
  const holder = budget.open(open);
  holder.grow(90);
  const share = budget.open(open);
  const waiting = share.begin(20, 20);
  share.release();
  holder.release();
  await waiting;
  assert.deepEqual([share.bytes, budget.usedBytes], [0, 0]);
  share.endAhead();
  assert.equal(budget.usedBytes, 0);
});
