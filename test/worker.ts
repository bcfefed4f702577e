// Runs the test files that `test/run.ts` sends it, one after another in this process: what starting one and loading src/ costs
// is paid once. Each file is a suite of its own, so that hooks at a file's top hold for that file alone.

import { type AsyncHook, createHook } from "node:async_hooks";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, beforeEach, describe, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";

/** From `test/run.ts`. */
export type Order = { file: string } | { end: true };
/** To it. A message at the beginning of each test says that the process is alive, and what it is at. */
export type Report =
  /** `cpuMs`: what this process and those that it has waited for have used since it started, of the processor. */
  | { ready: true; cpuMs: number }
  | { test: string }
  | { passed: true }
  | { skipped: true }
  | { failed: string };

// Programs that the tests start would be run with the flags of this one.
process.execArgv.length = 0;

const send = (report: Report) => void process.send!(report);
const tracking = captureTracking();
let at = "";

beforeEach((test) => {
  at = (test as TestContext).fullName;
  send({ test: at });
});
process.prependListener("uncaughtException", reportUncaught);
process.prependListener("unhandledRejection", reportUncaught);

process.on("message", (order: Order) => {
  if ("end" in order) return process.disconnect();
  const name = order.file;
  tracking()?.enable();
  describe(name, async () => {
    before(() => void tracking()?.disable());
    after(() => send({ ready: true, cpuMs: cpuMs() }));
    await import(pathToFileURL(resolve(name)).href);
  });
});
send({ ready: true, cpuMs: cpuMs() });

/** Of the test that runs: its own code, or what it or one before it has left behind. */
function reportUncaught(error: unknown): void {
  send({ failed: `${at}\n✖ an error that nothing caught\n${inspect(error)}` });
}

/**
 * node:test follows every promise and socket to the test that made it. It needs that while the tests of a file are declared, and after
 * that to say whose an error is that nobody caught; it costs a fifth of the processor's time, so that says the listener above.
 */
function captureTracking(): () => AsyncHook | undefined {
  const hooks = Object.getPrototypeOf(createHook({})) as AsyncHook;
  const { enable } = hooks;
  let captured: AsyncHook | undefined;
  hooks.enable = function () {
    captured ??= this;
    return enable.call(this);
  };
  return () => captured;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000 + childrenMs();
}

/** 0 where the system does not say: it is Linux's figure. */
function childrenMs(): number {
  try {
    // proc(5): the name, in parentheses, may hold anything; cutime and cstime are the 14th and 15th behind it, in ticks of 10 ms.
    const fields = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1)!.split(" ");
    return 10 * (Number(fields[13]) + Number(fields[14]));
  } catch {
    return 0;
  }
}
