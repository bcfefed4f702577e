// The `after` of a test for programs that are no tests.

import type { TestContext } from "node:test";

/** When the work has ended, however it has, what it registered is done in reverse order. */
export async function withCleanups<T>(work: (t: Pick<TestContext, "after">) => Promise<T>): Promise<T> {
  await using cleanups = new AsyncDisposableStack();
  return await work({ after: (cleanup) => cleanups.defer(cleanup as () => Promise<void>) });
}
