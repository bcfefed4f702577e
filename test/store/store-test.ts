// One test of a store: it gets empty data of its own.

import { type TestContext, test } from "node:test";
import type { Store } from "../../src/store/store.ts";

export interface StoreHarness {
  /** One more connection to the same data, as another process would have. */
  open(): Promise<Store>;
  /** Closes every store that was opened, and deletes the data. */
  dispose(): Promise<void>;
}

export type CreateHarness = () => Promise<StoreHarness>;

export type StoreTest = (
  title: string,
  body: (store: Store, open: () => Promise<Store>, t: TestContext) => Promise<void>,
) => void;

export function createStoreTest(createHarness: CreateHarness): StoreTest {
  return (title, body) => {
    test(title, async (t) => {
      const harness = await createHarness();
      try {
        await body(await harness.open(), harness.open, t);
      } finally {
        await harness.dispose();
      }
    });
  };
}
