// What is remembered of running and ended requests, and the sums of a day.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Activity, createActivity, type RequestEnd } from "../../src/live/activity.ts";
import { noTokens } from "../../src/usage/observer.ts";

const dayMs = 86_400_000;
let now = 0;

function create(maxRecent = 3): Activity {
  now = 1000;
  return createActivity({
    maxRecent,
    dayEnd: (time) => (Math.floor(time / dayMs) + 1) * dayMs,
    now: () => now,
  });
}

function start(activity: Activity, id: string): void {
  activity.started({
    id,
    time: now,
    client: "laptop",
    family: "claude",
    route: "claude/generate",
    model: "m",
  });
}

const end: RequestEnd = {
  status: 200,
  outcome: "complete",
  account: "a",
  totalMs: 10,
  firstByteMs: 5,
  tokens: { ...noTokens, input: 3, output: 2 },
  costUsd: 0.5,
  isBilled: true,
};

test("only the last requests are kept, newest first, and none that ended as running", () => {
  const activity = create();
  for (let at = 0; at < 100; at += 1) {
    start(activity, `r${at}`);
    activity.ended(`r${at}`, end);
  }
  assert.deepEqual(
    activity.recent().map(({ id }) => id),
    ["r99", "r98", "r97"],
  );
  assert.equal(activity.runningCount, 0);
});

test("the path is what was asked, each account once in a row, and does not grow without end", () => {
  const activity = create();
  start(activity, "r");
  for (const account of ["a", "a", "b", "a"]) activity.asked("r", account);
  assert.deepEqual(activity.running()[0]?.path, ["a", "b", "a"]);
  for (let at = 0; at < 1000; at += 1) activity.asked("r", `x${at}`);
  assert.equal(activity.running()[0]?.path.length, 20);
});

test("a request that runs has the attempts that have ended, 20 at most, and one that has ended has none", () => {
  const activity = create();
  start(activity, "r");
  const attempt = {
    account: "a",
    status: 429,
    class: "rate-limited",
    next: "next account",
    ms: 1,
    reason: "full",
  };
  activity.attempted("r", attempt);
  assert.deepEqual(activity.running()[0]?.attempts, [attempt]);
  for (let at = 0; at < 1000; at += 1) activity.attempted("r", attempt);
  assert.equal(activity.running()[0]?.attempts.length, 20);
  activity.ended("r", end);
  assert.deepEqual(activity.recent()[0]?.attempts, []);
});

test("sums begin anew with the day", () => {
  const activity = create();
  start(activity, "one");
  activity.ended("one", end);
  start(activity, "two");
  activity.ended("two", { ...end, outcome: "failed", costUsd: undefined });
  start(activity, "three");
  activity.ended("three", { ...end, outcome: "aborted", costUsd: undefined });
  const { requests, errors, tokens, costUsd } = activity.today(now);
  assert.deepEqual([requests, errors, tokens.input, costUsd], [3, 1, 9, 0.5]);
  now = dayMs + 5;
  assert.equal(activity.today(now).requests, 0);
  start(activity, "four");
  activity.ended("four", end);
  assert.equal(activity.today(now).requests, 1);
});

test("what costs nothing is neither in the sums nor among the last requests", () => {
  const activity = create();
  start(activity, "count");
  assert.equal(activity.runningCount, 1);
  activity.ended("count", { ...end, isBilled: false });
  assert.deepEqual([activity.runningCount, activity.recent(), activity.today(now).requests], [0, [], 0]);
});

test("what happens to a request that is unknown or over changes nothing", () => {
  const activity = create();
  activity.asked("r", "a");
  activity.attempted("r", { account: "a", status: 200, class: "answered", next: "served", ms: 1 });
  activity.answering("r", 5);
  activity.ended("r", end);
  assert.deepEqual([activity.running(), activity.recent()], [[], []]);
});
