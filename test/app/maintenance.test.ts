import assert from "node:assert/strict";
import { test } from "node:test";
import { createBindings } from "../../src/accounts/bindings.ts";
import { createMaintenance } from "../../src/app/maintenance.ts";
import { createMadeHarness } from "../store/harness.ts";
import { day, noon } from "../store/rows.ts";

test("bindings are deleted when they have ended, and not by a clock that is years ahead", async () => {
  const harness = await createMadeHarness();
  try {
    const store = await harness.open();
    const bindings = await createBindings(store.bindings, 0);
    const use = { kind: "response", key: "r", accountId: "a", ttlMs: 30 * day, renewalThresholdMs: day };
    await bindings.bind({ ...use, now: noon });
    const clock = { now: noon, monotonic: 0 };
    const maintain = createMaintenance({
      store,
      bindings,
      config: () => ({ usage: { retentionMs: 400 * day } }),
      clock: { now: () => clock.now, monotonic: () => clock.monotonic },
    });
    const keptAt = async (now: number, monotonic: number) => {
      Object.assign(clock, { now, monotonic });
      await maintain();
      const inMemory = await bindings.find("response", "r", noon);
      return [inMemory?.accountId, (await store.bindings.load(0, 100)).length];
    };
    assert.deepEqual(await keptAt(noon + 730 * day, 60_000), ["a", 1]);
    assert.deepEqual(await keptAt(noon + day, day), ["a", 1]);
    assert.deepEqual(await keptAt(noon + day + 730 * day, day + 60_000), ["a", 1]);
    assert.deepEqual(await keptAt(noon + 29 * day, 29 * day), ["a", 1]);
    assert.deepEqual(await keptAt(noon + 31 * day, 31 * day), [undefined, 0]);
  } finally {
    await harness.dispose();
  }
});
