// What every store must report of changes that other processes made to accounts, and how those are read.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { binding, cooldown, noon } from "./rows.ts";
import type { StoreTest } from "./store-test.ts";

export function changesSuite(name: string, storeTest: StoreTest): void {
  describe(`${name}: changes`, () => {
    storeTest(
      "what others learn of accounts is named within half a second, one's own never alone",
      async (store, open, t) => {
        const other = await open();
        t.mock.timers.enable({ apis: ["setInterval"] });
        const changes: (string[] | undefined)[] = [];
        const stop = store.onForeignChange(({ accounts }) => changes.push(accounts && [...accounts].sort()));
        await store.accounts.saveCooldown(cooldown("a", ""));
        t.mock.timers.tick(500);
        assert.deepEqual(changes, []);
        await other.accounts.clearCooldowns("a");
        await other.accounts.saveCooldown(cooldown("b", "opus"));
        await other.accounts.saveState({ accountId: "c", lastUsedAt: noon, windows: [] });
        t.mock.timers.tick(500);
        assert.deepEqual(changes, [["a", "b", "c"]]);
        // Nothing that a pool would have to read.
        await other.bindings.save(binding("k", {}));
        t.mock.timers.tick(500);
        assert.equal(changes.length, 1);
        stop();
        await other.accounts.saveCooldown(cooldown("a", ""));
        t.mock.timers.tick(500);
        assert.equal(changes.length, 1);
      },
    );

    storeTest("states and cooldowns are read of all accounts, or of some", async (store) => {
      for (const id of ["a", "b", "c"]) {
        await store.accounts.saveCooldown(cooldown(id, ""));
        await store.accounts.saveState({ accountId: id, lastUsedAt: noon, windows: [] });
      }
      const some = new Set(["b", "c", "unknown"]);
      const ids = (rows: { accountId: string }[]) => rows.map(({ accountId }) => accountId).sort();
      assert.deepEqual(ids(await store.accounts.states()), ["a", "b", "c"]);
      assert.deepEqual(ids(await store.accounts.states(some)), ["b", "c"]);
      assert.deepEqual(ids(await store.accounts.cooldowns(some)), ["b", "c"]);
      assert.deepEqual(await store.accounts.cooldowns(new Set()), []);
    });
  });
}
