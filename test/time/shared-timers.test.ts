import assert from "node:assert/strict";
import { test } from "node:test";
import { createSharedTimers, sharedTickMs } from "../../src/time/shared-timers.ts";
import { systemTimers } from "../../src/time/timers.ts";

/** A system whose time the test sets; it ticks as the interval that was asked for would. */
function system() {
  let now = 0;
  let interval: { work: () => void; isRef: boolean } | undefined;
  const after = createSharedTimers({
    monotonic: () => now,
    every(ms, work) {
      assert.equal(ms, sharedTickMs);
      assert.equal(interval, undefined, "one interval at a time");
      const own = { work, isRef: true };
      interval = own;
      return {
        ref: () => (own.isRef = true),
        unref: () => (own.isRef = false),
        close: () => (interval = undefined),
      };
    },
  });
  return {
    after,
    go(ms: number) {
      for (const until = now + ms; now < until; ) {
        now += Math.min(sharedTickMs, until - now);
        interval?.work();
      }
    },
    /** Whether a process would wait; undefined: nothing ticks. */
    get isRef() {
      return interval?.isRef;
    },
  };
}

test("each fires once in its time, one tick late at most, whatever the order they were made in", () => {
  const { after, go } = system();
  const fired: string[] = [];
  after(1000, () => fired.push("long"));
  after(300, () => fired.push("short"));
  go(100);
  after(300, () => fired.push("short, later"));
  go(199);
  assert.deepEqual(fired, []);
  go(51);
  assert.deepEqual(fired, ["short"]);
  go(50);
  assert.deepEqual(fired, ["short", "short, later"]);
  go(10_000);
  assert.deepEqual(fired, ["short", "short, later", "long"]);
});

test("one that is stopped never fires, from the middle of its list too, and cannot be restarted", () => {
  const { after, go } = system();
  const fired: number[] = [];
  const timers = [1, 2, 3, 4].map((each) => after(500, () => fired.push(each)));
  timers[1]!.stop();
  timers[3]!.stop();
  timers[3]!.stop();
  timers[1]!.restart();
  go(1000);
  assert.deepEqual(fired, [1, 3]);
});

test("restart counts from then on, once more after it has fired too", () => {
  const { after, go } = system();
  let fired = 0;
  const timer = after(500, () => fired++);
  for (let piece = 0; piece < 10; piece++) {
    go(400);
    timer.restart();
  }
  assert.equal(fired, 0);
  go(550);
  assert.equal(fired, 1);
  go(5000);
  assert.equal(fired, 1);
  timer.restart();
  go(550);
  assert.equal(fired, 2);
});

test("nothing ticks while nothing waits", () => {
  const it = system();
  const timer = it.after(500, () => {});
  it.go(100);
  timer.stop();
  it.go(sharedTickMs);
  assert.equal(it.isRef, undefined);
});

test("a process waits for those alone that are not unref'd", () => {
  const it = system();
  const background = it.after(500, () => {}).unref();
  assert.equal(it.isRef, false);
  const other = it.after(300, () => {});
  assert.equal(it.isRef, true);
  other.stop();
  assert.equal(it.isRef, false);
  it.go(1000);
  assert.equal(it.isRef, undefined);
  background.restart();
  assert.equal(it.isRef, false);
});

test("work may make, restart and stop timers, and what it throws costs no other timer", () => {
  const { after, go } = system();
  const fired: string[] = [];
  const stopped = after(500, () => fired.push("stopped"));
  after(300, () => {
    stopped.stop();
    after(300, () => fired.push("made later"));
    throw new Error("a fault");
  });
  after(300, () => fired.push("beside it"));
  assert.throws(() => go(300), /a fault/);
  go(sharedTickMs);
  assert.deepEqual(fired, ["beside it"]);
  go(1000);
  assert.deepEqual(fired, ["beside it", "made later"]);
});

test("what is due in less than a second or in more than ten minutes has a timer of its own", (t) => {
  const own = t.mock.method(globalThis, "setTimeout");
  for (const ms of [1000, 600_000]) systemTimers.after(ms, () => {}).stop();
  assert.equal(own.mock.callCount(), 0);
  for (const ms of [999, 600_001]) systemTimers.after(ms, () => {}).stop();
  assert.equal(own.mock.callCount(), 2);
});
