// What every store must do with the notices that were sent.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { noon } from "./rows.ts";
import type { StoreTest } from "./store-test.ts";

export function noticesSuite(name: string, storeTest: StoreTest): void {
  describe(`${name}: notices`, () => {
    storeTest("what was sent comes back, and only for the receivers that were kept", async (store, open) => {
      const row = { receiver: "a", lasting: { "cooldown x": null, "needs-login y": noon }, sentAt: { k: 1 } };
      assert.deepEqual(await store.notices.list(), []);
      await store.notices.replace([row, { receiver: "b", lasting: {}, sentAt: {} }]);
      await store.notices.replace([{ ...row, sentAt: { k: 2 } }]);
      assert.deepEqual(await (await open()).notices.list(), [{ ...row, sentAt: { k: 2 } }]);
    });
  });
}
