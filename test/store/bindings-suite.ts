// What every store must do with the accounts that sessions and responses are bound to.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { binding, noon } from "./rows.ts";
import type { StoreTest } from "./store-test.ts";

export function bindingsSuite(name: string, storeTest: StoreTest): void {
  describe(`${name}: bindings`, () => {
    storeTest("only unexpired bindings are loaded, each in its last version", async (store, open) => {
      await store.bindings.save(binding("s", { accountId: "old" }));
      await store.bindings.save(binding("s", { fallbackId: "b" }));
      await store.bindings.save(binding("s", { kind: "response" }));
      await store.bindings.save(binding("gone", { expiresAt: noon }));
      const rows = await (await open()).bindings.load(noon);
      rows.sort((a, b) => (a.kind < b.kind ? -1 : 1));
      assert.deepEqual(rows, [binding("s", { kind: "response" }), binding("s", { fallbackId: "b" })]);
    });

    storeTest(
      "dropping an account drops its sessions and ends fallbacks to it, but keeps its provider state bound",
      async (store) => {
        await store.bindings.save(binding("one", { accountId: "a", fallbackId: "b" }));
        await store.bindings.save(binding("two", { accountId: "b", fallbackId: "a" }));
        await store.bindings.save(binding("three", { kind: "response", accountId: "a" }));
        await store.bindings.dropAccount("a");
        assert.deepEqual(await store.bindings.load(0), [
          binding("three", { kind: "response", accountId: "a" }),
          binding("two", { accountId: "b" }),
        ]);
      },
    );

    storeTest("pruning deletes expired bindings only, no more than asked for", async (store) => {
      for (let i = 0; i < 5; i++) await store.bindings.save(binding(`old-${i}`, { expiresAt: noon - i }));
      await store.bindings.save(binding("alive", {}));
      assert.equal(await store.bindings.prune(noon, 3), 3);
      assert.equal((await store.bindings.load(0)).length, 3);
      assert.equal(await store.bindings.prune(noon, 3), 2);
      assert.equal(await store.bindings.prune(noon, 3), 0);
      assert.deepEqual(await store.bindings.load(0), [binding("alive", {})]);
    });

    storeTest(
      "bindings beyond a number are deleted, those that end first, and sessions last",
      async (store) => {
        for (let index = 0; index < 4; index++) {
          await store.bindings.save(binding(`s${index}`, { kind: "session", expiresAt: noon + index }));
          await store.bindings.save(
            binding(`r${index}`, { kind: "response", expiresAt: noon + 100 + index }),
          );
        }
        assert.equal(await store.bindings.trim(5, 2), 2);
        assert.equal(await store.bindings.trim(5, 2), 1);
        assert.equal(await store.bindings.trim(5, 2), 0);
        const left = (await store.bindings.load(0)).map(({ key }) => key);
        assert.deepEqual(left.sort(), ["r3", "s0", "s1", "s2", "s3"]);
      },
    );
  });
}
