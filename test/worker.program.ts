// An error that nothing caught fails the run, though the worker does not follow promises and timers to the test that made them.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startWorker } from "./run-worker.ts";

// It comes from the runner that may have started this file; the worker is not one of its files.
delete process.env.NODE_TEST_CONTEXT;

const tests = {
  "a rejection that is lost": "void Promise.reject(new Error('nobody caught this'));",
  "a throw from a timer": "setTimeout(() => { throw new Error('nobody caught this'); }, 1);",
  "a throw from a socket's event":
    "const s = require('node:net').connect(1, '127.0.0.1'); s.on('error', () => { throw new Error('nobody caught this'); });",
};

for (const [title, code] of Object.entries(tests)) {
  test(`${title} is reported with the test that runs`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "cc-relay-worker-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "x.test.cjs");
    writeFileSync(
      file,
      `const { test } = require("node:test");
test("makes it", () => { ${code} });
test("runs then", () => new Promise((resolve) => setTimeout(resolve, 200)));`,
    );
    const failed: string[] = [];
    let passed = 0;
    const worker = startWorker({
      ...{ folder, program: undefined, isFull: false },
      onPassed: () => passed++,
      onSkipped: () => assert.fail("skipped"),
      onFailed: (text) => failed.push(text),
    });
    assert.equal(await worker.run(file), "done");
    await worker.end();
    assert.equal(passed, 2);
    assert.equal(failed.length, 1, failed.join("\n"));
    assert.match(failed[0]!, /an error that nothing caught[\s\S]*nobody caught this/);
  });
}
