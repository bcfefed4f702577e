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
      const rows = await (await open()).bindings.load(noon, 100);
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
        assert.deepEqual(await store.bindings.load(0, 100), [
          binding("two", { accountId: "b" }),
          binding("three", { kind: "response", accountId: "a" }),
        ]);
      },
    );

    storeTest("no more are loaded than asked for: sessions, then those that end last", async (store) => {
      for (const [key, row] of Object.entries({
        r1: { kind: "response", expiresAt: noon + 1 },
        s1: { kind: "session", expiresAt: noon + 2 },
        r2: { kind: "response", expiresAt: noon + 3 },
        s2: { kind: "session", expiresAt: noon + 4 },
      }))
        await store.bindings.save(binding(key, row));
      const keys = async (max: number) => (await store.bindings.load(noon, max)).map(({ key }) => key);
      assert.deepEqual(await keys(9), ["s2", "s1", "r2", "r1"]);
      assert.deepEqual(await keys(3), ["s2", "s1", "r2"]);
    });

    storeTest("pruning deletes expired bindings only, no more than asked for", async (store) => {
      for (let i = 0; i < 5; i++) await store.bindings.save(binding(`old-${i}`, { expiresAt: noon - i }));
      await store.bindings.save(binding("alive", {}));
      assert.equal(await store.bindings.prune(noon, 3), 3);
      assert.equal((await store.bindings.load(0, 100)).length, 3);
      assert.equal(await store.bindings.prune(noon, 3), 2);
      assert.equal(await store.bindings.prune(noon, 3), 0);
      assert.deepEqual(await store.bindings.load(0, 100), [binding("alive", {})]);
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
        const left = (await store.bindings.load(0, 100)).map(({ key }) => key);
        assert.deepEqual(left.sort(), ["r3", "s0", "s1", "s2", "s3"]);
      },
    );
  });
}
