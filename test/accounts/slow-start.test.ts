import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createSlowStart, type Ticket } from "../../src/accounts/slow-start.ts";
import { createManualTime } from "../support/manual-time.ts";

const never = new AbortController().signal;

function sessions(
  slowStart: ReturnType<typeof createSlowStart>,
  size: number,
): { inside: Ticket[]; refused: () => number } {
  const inside: Ticket[] = [];
  let refused = 0;
  for (let i = 0; i < size; i++) {
    void slowStart
      .enter("b", never)
      .then((ticket) => (ticket === "refused" ? refused++ : inside.push(ticket)));
  }
  return { inside, refused: () => refused };
}

/** Time that passes when the test says so. */
function stopTime() {
  const { timers, advance } = createManualTime();
  return {
    timers,
    async pass(ms: number): Promise<void> {
      advance(ms);
      // A request that was let in has heard of it by the next turn of the event loop.
      await nextTurn();
    },
  };
}

test("one goes first, and the others follow a few at a time once its answer is good", async () => {
  const { timers, pass } = stopTime();
  const slowStart = createSlowStart({ timers, stepMs: 250, perStep: 3, waitTimeoutMs: 10_000 });
  const { inside } = sessions(slowStart, 11);
  await pass(9000);
  assert.equal(inside.length, 1);
  inside[0]!.done(true);
  await pass(0);
  assert.equal(inside.length, 4);
  await pass(249);
  assert.equal(inside.length, 4);
  await pass(1);
  assert.equal(inside.length, 7);
  await pass(250);
  assert.equal(inside.length, 10);
  await pass(250);
  assert.equal(inside.length, 11);
});

test("a second good answer opens the account no wider than the first", async () => {
  const { timers, pass } = stopTime();
  const slowStart = createSlowStart({ timers, stepMs: 250, perStep: 3 });
  const { inside } = sessions(slowStart, 10);
  await pass(0);
  inside[0]!.done(true);
  await pass(0);
  inside[1]!.done(true);
  await pass(0);
  assert.equal(inside.length, 4);
});

test("a failure after a good answer sends nobody away", async () => {
  const { timers, pass } = stopTime();
  const slowStart = createSlowStart({ timers, stepMs: 250, perStep: 3 });
  const { inside, refused } = sessions(slowStart, 10);
  await pass(0);
  inside[0]!.done(true);
  await pass(0);
  inside[1]!.done(false);
  await pass(250);
  assert.deepEqual([inside.length, refused()], [7, 0]);
});

test("when the first fails, all that wait are sent to choose again", async () => {
  const { timers, pass } = stopTime();
  const slowStart = createSlowStart({ timers });
  const { inside, refused } = sessions(slowStart, 5);
  await pass(0);
  inside[0]!.done(false);
  await pass(0);
  assert.equal(inside.length, 1);
  assert.equal(refused(), 4);
});

test("after a step in which nobody waited, the next sessions begins with one again", async () => {
  const { timers, pass } = stopTime();
  const slowStart = createSlowStart({ timers, stepMs: 250, perStep: 1 });
  const { inside } = sessions(slowStart, 1);
  await pass(0);
  inside[0]!.done(true);
  await pass(250);
  const later = sessions(slowStart, 3);
  await pass(0);
  assert.equal(later.inside.length, 1);
});

test("a first answer that takes long lets one more through at a time", async () => {
  const { timers, pass } = stopTime();
  const slowStart = createSlowStart({ timers, waitTimeoutMs: 10_000 });
  const { inside } = sessions(slowStart, 4);
  await pass(9999);
  assert.equal(inside.length, 1);
  await pass(1);
  assert.equal(inside.length, 2);
  await pass(10_000);
  assert.equal(inside.length, 3);
});

test("who leaves the queue takes no place", async () => {
  const slowStart = createSlowStart({ perStep: 1 });
  const left = new AbortController();
  const first = await slowStart.enter("b", never);
  const leaving = slowStart.enter("b", left.signal);
  const staying = slowStart.enter("b", never);
  left.abort(new Error("left"));
  await assert.rejects(leaving, /left/);
  assert.ok(first !== "refused");
  first.done(true);
  assert.notEqual(await staying, "refused");
});

test("who has left before the queue is not kept in it", async () => {
  const slowStart = createSlowStart();
  await slowStart.enter("b", never);
  await assert.rejects(slowStart.enter("b", AbortSignal.abort(new Error("left"))), /left/);
});

test("accounts do not wait for each other", async () => {
  const slowStart = createSlowStart();
  assert.notEqual(await slowStart.enter("a", never), "refused");
  assert.notEqual(await slowStart.enter("b", never), "refused");
});
