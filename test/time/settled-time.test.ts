import assert from "node:assert/strict";
import { test } from "node:test";
import { createSettledTime } from "../../src/time/settled-time.ts";

const hour = 3_600_000;
const start = Date.UTC(2026, 10, 22, 12);
const ahead = 730 * 24 * hour;

function setUp() {
  const clock = { now: start, monotonic: 0 };
  const settledTime = createSettledTime({ now: () => clock.now, monotonic: () => clock.monotonic });
  /** At so many hours after the start, with a clock that is wrong by so much. */
  const at = (hours: number, error = 0) => {
    Object.assign(clock, { monotonic: hours * hour, now: start + hours * hour + error });
    return settledTime();
  };
  return { at };
}

test("a start with a clock that is ahead settles nothing until it is set right and six hours have passed", () => {
  const { at } = setUp();
  assert.equal(at(0, ahead), 0);
  assert.equal(at(5.9, ahead), 0);
  assert.equal(at(6), start + 6 * hour);
});

test("a jump forward counts after six hours, and not when the clock was right in between", () => {
  const { at } = setUp();
  at(0);
  assert.equal(at(6), start + 6 * hour);
  assert.equal(at(7, ahead), start + 7 * hour);
  assert.equal(at(12), start + 12 * hour);
  assert.equal(at(13, ahead), start + 13 * hour);
  assert.equal(at(18.9, ahead), start + 18.9 * hour);
  assert.equal(at(19, ahead), start + 19 * hour + ahead);
  assert.equal(at(20), start + 20 * hour, "back at once");
});

test("a jump at the end of hours in which the clock has drifted does not count with them", () => {
  const { at } = setUp();
  at(0);
  at(6);
  assert.equal(at(7, 5), start + 7 * hour);
  assert.equal(at(13, ahead), start + 13 * hour + 5);
});
