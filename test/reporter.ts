// Reports to `test/run.ts` over the process's channel how each test of a worker ended.

import { join, relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";
import type { Report } from "./worker.ts";

/** Where the suite of each file begins. */
const worker = join(import.meta.dirname, "worker.ts");

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const ended = readEvent(event);
    if (ended !== undefined) process.send?.(ended);
  }
  // Nothing is written here: what several processes write at once cannot be read.
  yield "";
}

function readEvent(event: TestEvent): Report | undefined {
  switch (event.type) {
    case "test:pass": {
      const { details, skip, todo } = event.data;
      if (details.type === "suite") return undefined;
      return skip !== undefined || todo !== undefined ? { skipped: true } : { passed: true };
    }
    case "test:fail": {
      const { name, details, file, line } = event.data;
      const { error } = details;
      // A suite fails with its tests; on its own account only where a hook or its import does.
      if (isOfSubtests(error)) return undefined;
      const place = file === undefined || file === worker ? "" : `${relative("", file)}:${line}`;
      return { failed: `${place}\n✖ ${name}\n${inspect(error.cause ?? error)}` };
    }
    default:
      return undefined;
  }
}

function isOfSubtests(error: Error): boolean {
  return "failureType" in error && error.failureType === "subtestsFailed";
}
