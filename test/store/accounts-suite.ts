// What every store must do with the state and cooldowns of accounts.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { always, binding, cooldown, noon, token, usageRow } from "./rows.ts";
import type { StoreTest } from "./store-test.ts";

export function accountsSuite(name: string, storeTest: StoreTest): void {
  describe(`${name}: accounts`, () => {
    storeTest(
      "state and cooldowns come back as they were saved, the last version of each",
      async (store, open) => {
        const windows = [
          { name: "5h", utilization: 0.25, resetsAt: noon, status: "allowed" },
          { name: "requests", utilization: undefined, resetsAt: undefined, status: undefined },
        ];
        await store.accounts.saveState({ accountId: "a", lastUsedAt: 1, windows: [] });
        await store.accounts.saveState({ accountId: "a", lastUsedAt: noon, windows });
        await store.accounts.saveState({ accountId: "b", lastUsedAt: undefined, windows: [] });
        await store.accounts.saveCooldown(cooldown("a", ""));
        await store.accounts.saveCooldown({ ...cooldown("a", ""), until: noon + 5, reason: "later" });
        await store.accounts.saveCooldown(cooldown("a", "opus"));

        const other = await open();
        assert.deepEqual(await other.accounts.states(), [
          { accountId: "a", lastUsedAt: noon, windows },
          { accountId: "b", lastUsedAt: undefined, windows: [] },
        ]);
        assert.deepEqual(await other.accounts.cooldowns(), [
          { ...cooldown("a", ""), until: noon + 5, reason: "later" },
          cooldown("a", "opus"),
        ]);
      },
    );

    storeTest("a cooldown is cleared alone or with all others of its account", async (store) => {
      for (const row of [
        cooldown("a", ""),
        cooldown("a", "opus"),
        cooldown("a", "haiku"),
        cooldown("b", ""),
      ]) {
        await store.accounts.saveCooldown(row);
      }
      await store.accounts.clearCooldowns("a", "");
      assert.deepEqual(await store.accounts.cooldowns(), [
        cooldown("a", "haiku"),
        cooldown("a", "opus"),
        cooldown("b", ""),
      ]);
      await store.accounts.clearCooldowns("a");
      assert.deepEqual(await store.accounts.cooldowns(), [cooldown("b", "")]);
    });

    storeTest("what was learned of an account can be forgotten, and a reader sees when", async (store) => {
      const window = { name: "5h", utilization: 1, resetsAt: noon, status: undefined };
      for (const accountId of ["a", "b"]) {
        await store.accounts.saveState({
          accountId,
          lastUsedAt: 1,
          windows: [window],
          truncatedAt: 2,
          secretHash: "s",
        });
        await store.accounts.saveCooldown(cooldown(accountId, ""));
      }
      await store.accounts.forgetLearned("a", noon);
      await store.accounts.forgetLearned("c", noon);
      assert.deepEqual(await store.accounts.cooldowns(), [cooldown("b", "")]);
      assert.deepEqual(await store.accounts.states(), [
        { accountId: "a", lastUsedAt: 1, windows: [], secretHash: "s", forgottenAt: noon },
        { accountId: "b", lastUsedAt: 1, windows: [window], truncatedAt: 2, secretHash: "s" },
        { accountId: "c", lastUsedAt: undefined, windows: [], forgottenAt: noon },
      ]);
      await store.accounts.saveState({ accountId: "a", lastUsedAt: 3, windows: [] });
      assert.equal((await store.accounts.states())[0]?.forgottenAt, noon, "the relay's own writes keep it");
    });

    storeTest("a forgotten account leaves nothing but its usage", async (store) => {
      for (const id of ["a", "b"]) {
        await store.accounts.saveState({ accountId: id, lastUsedAt: 1, windows: [] });
        await store.accounts.saveCooldown(cooldown(id, ""));
        await store.bindings.save(binding(`at-${id}`, { accountId: id, fallbackId: id === "a" ? "b" : "a" }));
        await store.tokens.replace(token(id), undefined);
        await store.usage.record(usageRow(id, { account: id }));
      }
      await store.accounts.forget("a");
      assert.deepEqual(await store.accounts.states(), [{ accountId: "b", lastUsedAt: 1, windows: [] }]);
      assert.deepEqual(await store.accounts.cooldowns(), [cooldown("b", "")]);
      assert.deepEqual(await store.bindings.load(0, 100), [binding("at-b", { accountId: "b" })]);
      assert.equal(await store.tokens.load("a"), undefined);
      assert.deepEqual(await store.tokens.load("b"), token("b"));
      assert.equal((await store.usage.summarize({ ...always, by: "account" })).rows.length, 2);
    });
  });
}
