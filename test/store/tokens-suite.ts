// What every store must do with the logins of accounts and their locks.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TokenRow } from "../../src/domain/token-store.ts";
import { token } from "./rows.ts";
import type { StoreTest } from "./store-test.ts";

export function tokensSuite(name: string, storeTest: StoreTest): void {
  describe(`${name}: tokens`, () => {
    storeTest("a token row comes back whole, with and without its optional parts", async (store, open) => {
      assert.equal(await store.tokens.load("a"), undefined);
      const full = {
        ...token("a"),
        accessToken: "at",
        expiresAt: 5,
        extras: { project: "p" },
        exchangeHash: "h",
        exchangeAt: 6,
      };
      assert.equal(await store.tokens.replace(full, undefined), true);
      assert.deepEqual(await (await open()).tokens.load("a"), full);
      assert.equal(await store.tokens.replace({ ...token("a"), generation: 2 }, 1), true);
      assert.deepEqual(await (await open()).tokens.load("a"), { ...token("a"), generation: 2 });
    });

    storeTest("a token is replaced only while its generation is the expected one", async (store, open) => {
      const other = await open();
      assert.equal(await store.tokens.replace(token("a"), 1), false, "there is no row yet");
      assert.equal(await store.tokens.load("a"), undefined);
      assert.equal(await store.tokens.replace(token("a"), undefined), true);
      assert.equal(await other.tokens.replace({ ...token("a"), refreshToken: "late" }, undefined), false);
      assert.equal(
        await other.tokens.replace({ ...token("a"), refreshToken: "new", generation: 2 }, 1),
        true,
      );
      assert.equal(
        await store.tokens.replace({ ...token("a"), refreshToken: "lost", generation: 2 }, 1),
        false,
      );
      assert.equal((await store.tokens.load("a"))?.refreshToken, "new");
    });

    storeTest(
      "a row goes to the new id of its account, after refreshes under either id",
      async (store, open) => {
        const other = await open();
        const row = { ...token("a"), configuredHash: "of a" };
        await store.tokens.replace(row, undefined);
        const refreshed = { ...row, refreshToken: "new", generation: 2 };
        let taken: Promise<TokenRow | undefined> = Promise.resolve(undefined);
        await store.tokens.withLock("a", async () => {
          taken = other.tokens.takeOver("work", "of a");
          await sleep(20);
          assert.equal(await store.tokens.replace(refreshed, 1), true);
        });
        assert.deepEqual(await taken, { ...refreshed, accountId: "work" });
        assert.equal(await store.tokens.load("a"), undefined);
        assert.equal(await store.tokens.takeOver("work", "of nobody"), undefined);

        const second = { ...token("b"), configuredHash: "of b" };
        await store.tokens.replace(second, undefined);
        const exchanged = { ...second, refreshToken: "newer", generation: second.generation + 1 };
        await store.tokens.withLock("b", async () => {
          taken = other.tokens.takeOver("b", "of a");
          await sleep(20);
          assert.equal(await store.tokens.replace(exchanged, second.generation), true);
        });
        assert.equal((await taken)?.refreshToken, "new");
        assert.deepEqual(await store.tokens.load("work"), { ...exchanged, accountId: "work" });
      },
    );

    storeTest("one holder at a time has the lock of an account, in whatever process", async (store, open) => {
      const other = await open();
      let inside = 0;
      let most = 0;
      const work = async () => {
        most = Math.max(most, ++inside);
        await sleep(2);
        inside--;
      };
      await Promise.all(
        [store, other, store, other, store, other].map((each) => each.tokens.withLock("a", work)),
      );
      assert.equal(most, 1);
    });

    storeTest("the locks of different accounts do not wait for each other", async (store, open) => {
      const other = await open();
      const order: string[] = [];
      await store.tokens.withLock("a", async () => {
        await store.tokens.withLock("b", async () => void order.push("same process"));
        await other.tokens.withLock("c", async () => void order.push("other process"));
      });
      assert.deepEqual(order, ["same process", "other process"]);
    });

    storeTest(
      "the lock passes on the result or error of the work and is free afterwards",
      async (store, open) => {
        assert.equal(await store.tokens.withLock("a", async () => 42), 42);
        const failing = store.tokens.withLock("a", () => Promise.reject(new Error("no luck")));
        await assert.rejects(failing, /no luck/);
        assert.equal(await (await open()).tokens.withLock("a", async () => "free"), "free");
      },
    );

    storeTest(
      "who waits for a lock can give up, and those behind still get it in order",
      async (store, open) => {
        const other = await open();
        const abort = new AbortController();
        const order: string[] = [];
        const reason = new Error("given up");
        const { promise: held, resolve: free } = Promise.withResolvers<void>();
        const holder = store.tokens.withLock("a", () => held);
        const waiting = [
          store.tokens.withLock("a", async () => void order.push("aborted"), abort.signal),
          other.tokens.withLock("a", async () => void order.push("aborted"), abort.signal),
        ];
        const behind = [
          store.tokens.withLock("a", async () => void order.push("second")),
          store.tokens.withLock("a", async () => void order.push("third")),
        ];
        await sleep(10);
        abort.abort(reason);
        for (const each of waiting) await assert.rejects(each, reason);
        assert.equal(order.length, 0);
        free();
        await Promise.all([holder, ...behind]);
        assert.deepEqual(order, ["second", "third"]);
        await assert.rejects(
          store.tokens.withLock("a", async () => void order.push("never"), abort.signal),
          reason,
        );
        assert.deepEqual(order, ["second", "third"]);
      },
    );
  });
}
