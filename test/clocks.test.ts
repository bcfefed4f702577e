// What the relay decides by time it decides by a clock that it is given: a test can set it, and a clock that jumps is met in one place.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..", "src");

/** Where the system's clock is asked all the same, and why. */
const allowed: Readonly<Record<string, string>> = {
  "time/clock.ts": "it is the clock",
  "telemetry/line-writer.ts": "a process that ends waits for its log, and no timer runs any more",
  "config/write.ts": "the age of another process's draft is a file's time, which is the system's",
  "cli/login/outcome.ts": "a command waits for another process",
  "cli/log/follow.ts": "a command waits for another process",
  "cli/top/live-screen.ts": "how often a terminal is drawn",
};

/** Where timers are the given ones (`Timers`), so that an answer's whole way can be tested in a moment. */
const withGivenTimers = /^(?:relay|accounts)\//;

/** The page has a person's clock: the browser's. */
const isServed = (name: string) => name.startsWith("page/");

const names = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((name) => name.replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".ts") && !isServed(name));

function isIn(name: string, pattern: RegExp): boolean {
  return pattern.test(readFileSync(join(root, name), "utf8").replaceAll(/\/\/.*|\/\*[\s\S]*?\*\//g, ""));
}

test("nothing but what is listed here asks the system for the time", () => {
  const asking = names.filter((name) =>
    isIn(name, /\b(?:Date\.now|performance\.now)\(|\bnew Date\(\)|hrtime/),
  );
  assert.deepEqual(asking.sort(), Object.keys(allowed).sort());
});

test("what serves a request waits by the timers that it is given", () => {
  const served = names.filter((name) => withGivenTimers.test(name));
  assert.ok(served.length > 50);
  const setting = served.filter((name) => isIn(name, /\bset(?:Timeout|Interval)\b|AbortSignal\.timeout/));
  assert.deepEqual(setting, []);
});
