// What every store must do so that one daemon at a time serves its data.

import assert from "node:assert/strict";
import { describe } from "node:test";
import { noon } from "./rows.ts";
import type { StoreTest } from "./store-test.ts";

export function daemonSuite(name: string, storeTest: StoreTest): void {
  describe(`${name}: daemon`, () => {
    const info = { pid: 4711, host: "127.0.0.1", port: 3000, startedAt: noon, version: "1.2.3" };

    storeTest("one daemon at a time, and a refused one hears who the other is", async (store, open) => {
      const other = await open();
      assert.deepEqual(await other.daemon.look(), { info: undefined, running: false });
      assert.deepEqual(await store.daemon.claim(), { ok: true });
      assert.deepEqual(await store.daemon.claim(), { ok: true }, "it is ours already");
      assert.deepEqual(await other.daemon.claim(), { ok: false, holder: undefined });
      await store.daemon.publish(info);
      assert.deepEqual(await other.daemon.claim(), { ok: false, holder: info });
      assert.deepEqual(await other.daemon.look(), { info, running: true });
      assert.deepEqual(await store.daemon.look(), { info, running: true });
    });

    storeTest(
      "a released claim can be taken, and old information is not the new holder's",
      async (store, open) => {
        const other = await open();
        await store.daemon.claim();
        await store.daemon.publish(info);
        await store.daemon.release();
        assert.deepEqual(await other.daemon.look(), { info: undefined, running: false });
        assert.deepEqual(await other.daemon.claim(), { ok: true });
        assert.deepEqual(await store.daemon.claim(), { ok: false, holder: undefined });
        await other.close();
        assert.deepEqual(await store.daemon.claim(), { ok: true });
      },
    );
  });
}
