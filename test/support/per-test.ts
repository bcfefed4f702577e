// What each test of a file gets anew: opened before it, closed after it.

import { afterEach, beforeEach } from "node:test";

/** Called at the top of a file. What it returns is always that of the test that runs. */
export function perTest<T extends { close(): Promise<void> }>(open: () => Promise<T>): T {
  let current: T | undefined;
  beforeEach(async () => {
    current = await open();
  });
  afterEach(() => current?.close());
  return new Proxy({} as T, { get: (_, name) => current?.[name as keyof T] });
}
