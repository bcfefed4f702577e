import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createRamp, type Ticket } from "../../src/accounts/ramp.ts";

const never = new AbortController().signal;

function herd(
  ramp: ReturnType<typeof createRamp>,
  size: number,
): { inside: Ticket[]; refused: () => number } {
  const inside: Ticket[] = [];
  let refused = 0;
  for (let i = 0; i < size; i++) {
    void ramp.enter("b", never).then((ticket) => (ticket === "refused" ? refused++ : inside.push(ticket)));
  }
  return { inside, refused: () => refused };
}

test("one goes first, and the rest follow a few at a time once its answer is good", async () => {
  const ramp = createRamp({ stepMs: 20, perStep: 3, patienceMs: 10_000 });
  const { inside } = herd(ramp, 10);
  await sleep(30);
  assert.equal(inside.length, 1);
  inside[0]!.done(true);
  await sleep(5);
  assert.equal(inside.length, 4);
  await sleep(22);
  assert.equal(inside.length, 7);
  await sleep(60);
  assert.equal(inside.length, 10);
});

test("when the first fails, all that wait are sent to choose again", async () => {
  const ramp = createRamp();
  const { inside, refused } = herd(ramp, 5);
  await sleep(0);
  inside[0]!.done(false);
  await sleep(0);
  assert.equal(inside.length, 1);
  assert.equal(refused(), 4);
});

test("a first answer that takes long lets one more through at a time", async () => {
  const ramp = createRamp({ patienceMs: 20 });
  const { inside } = herd(ramp, 3);
  await sleep(30);
  assert.equal(inside.length, 2);
});

test("who leaves the queue takes no place", async () => {
  const ramp = createRamp({ stepMs: 1000, perStep: 1 });
  const left = new AbortController();
  const first = await ramp.enter("b", never);
  const leaving = ramp.enter("b", left.signal);
  const staying = ramp.enter("b", never);
  left.abort(new Error("left"));
  await assert.rejects(leaving, /left/);
  assert.ok(first !== "refused");
  first.done(true);
  assert.notEqual(await staying, "refused");
});

test("accounts do not wait for each other", async () => {
  const ramp = createRamp();
  assert.notEqual(await ramp.enter("a", never), "refused");
  assert.notEqual(await ramp.enter("b", never), "refused");
});
