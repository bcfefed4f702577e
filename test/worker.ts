// Runs the test files that `test/run.ts` sends it, one after another in this process: what starting one and loading src/ costs
// is paid once. Each file is a suite of its own, so that hooks at a file's top hold for that file alone.

import { resolve } from "node:path";
import { after, beforeEach, describe, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";

/** From `test/run.ts`. */
export type Order = { file: string } | { end: true };
/** To it. A message at the beginning of each test says that the process is alive, and what it is at. */
export type Report =
  | { ready: true }
  | { test: string }
  | { passed: true }
  | { skipped: true }
  | { failed: string };

// Programs that the tests start would be run with the flags of this one.
process.execArgv.length = 0;

const send = (report: Report) => void process.send!(report);

beforeEach((test) => send({ test: (test as TestContext).fullName }));

process.on("message", (order: Order) => {
  if ("end" in order) return process.disconnect();
  const name = order.file;
  describe(name, async () => {
    after(() => send({ ready: true }));
    await import(pathToFileURL(resolve(name)).href);
  });
});
send({ ready: true });
