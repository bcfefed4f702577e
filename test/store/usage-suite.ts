// What every store must do with recorded usage: sums, costs, roll-up and retention.

import assert from "node:assert/strict";
import { describe } from "node:test";
import fc from "fast-check";
import type { UsageKey, UsageRow } from "../../src/store/usage-store.ts";
import { summarizeNaively } from "./naive-usage.ts";
import { always, day, maintainAll, noon, tokens, usageRow } from "./rows.ts";
import type { CreateHarness, StoreTest } from "./store-test.ts";

export function usageSuite(name: string, storeTest: StoreTest, createHarness: CreateHarness): void {
  describe(`${name}: usage`, () => {
    storeTest("an empty store sums up to nothing", async (store) => {
      const { rows, total } = await store.usage.summarize({ ...always, by: "day" });
      assert.deepEqual(rows, []);
      assert.deepEqual(total, {
        key: "total",
        requests: 0,
        errors: 0,
        tokens: tokens({}),
        costUsd: 0,
        unpriced: 0,
      });
      assert.deepEqual(await store.usage.activity(0), []);
    });

    storeTest("requests are summed up by every key", async (store) => {
      const counted = tokens({
        input: 10,
        output: 20,
        cacheWrite5m: 30,
        cacheWrite1h: 40,
        cacheRead: 50,
        reasoning: 5,
      });
      await store.usage.record(usageRow("1", { tokens: counted }));
      await store.usage.record(usageRow("2", { tokens: counted, client: "desk", time: noon + day }));
      await store.usage.record(
        usageRow("3", { account: "(none)", model: "", outcome: "failed", tokens: tokens({}), status: 429 }),
      );
      await store.usage.record(
        usageRow("4", { account: "passthrough", family: "openai", model: "gpt-5.2", outcome: "truncated" }),
      );
      await store.usage.record(usageRow("5", { outcome: "aborted", status: 499, firstByteMs: undefined }));

      const keys = async (by: UsageKey) =>
        (await store.usage.summarize({ ...always, by })).rows.map(({ key, requests, errors }) => [
          key,
          requests,
          errors,
        ]);
      assert.deepEqual(await keys("account"), [
        ["claude-1", 3, 0],
        ["(none)", 1, 1],
        ["passthrough", 1, 1],
      ]);
      assert.deepEqual(await keys("family"), [
        ["claude", 4, 1],
        ["openai", 1, 1],
      ]);
      assert.deepEqual(await keys("client"), [
        ["laptop", 4, 2],
        ["desk", 1, 0],
      ]);
      assert.deepEqual(await keys("model"), [
        ["claude-opus-5-5", 3, 0],
        ["", 1, 1],
        ["gpt-5.2", 1, 1],
      ]);
      assert.deepEqual(await keys("day"), [
        ["2026-11-20", 4, 2],
        ["2026-11-21", 1, 0],
      ]);
      const { rows } = await store.usage.summarize({ ...always, by: "client" });
      assert.deepEqual(rows.find((row) => row.key === "desk")?.tokens, counted);
    });

    storeTest("the period begins with `since` and ends before `until`", async (store) => {
      for (let i = 0; i < 5; i++)
        await store.usage.record(usageRow(`${i}`, { time: noon + i, client: `at ${i}` }));
      const { rows, total } = await store.usage.summarize({ since: noon + 1, until: noon + 3, by: "client" });
      assert.deepEqual(
        rows.map((row) => row.key),
        ["at 1", "at 2"],
      );
      assert.equal(total.requests, 2);
    });

    storeTest("a request written again replaces what was known of it", async (store) => {
      await store.usage.record(usageRow("1", { outcome: "failed", account: "(none)", tokens: tokens({}) }));
      await store.usage.record(usageRow("1", { time: noon + 1, tokens: tokens({ output: 7 }) }));
      const { rows } = await store.usage.summarize({ ...always, by: "account" });
      assert.equal(rows.length, 1);
      assert.deepEqual(rows[0], {
        key: "claude-1",
        requests: 1,
        errors: 0,
        tokens: tokens({ output: 7 }),
        costUsd: 0.00014,
        unpriced: 0,
      });
    });

    storeTest("a cost is unknown where no part has a price, and never 0 for that", async (store) => {
      const empty = tokens({});
      await store.usage.record(usageRow("1", { client: "priced" }));
      await store.usage.record(usageRow("2", { client: "unknown", model: "llama-9" }));
      await store.usage.record(usageRow("3", { client: "mixed" }));
      await store.usage.record(usageRow("4", { client: "mixed", model: "llama-9" }));
      await store.usage.record(
        usageRow("5", { client: "unused", model: "llama-9", tokens: empty, outcome: "failed" }),
      );
      await store.usage.record(usageRow("6", { client: "unknown", tokens: empty, outcome: "failed" }));
      const { rows, total } = await store.usage.summarize({ ...always, by: "client" });
      const costs = rows.map(({ key, costUsd, unpriced }) => [key, costUsd, unpriced]);
      assert.deepEqual(costs, [
        ["mixed", 0.006, 1],
        ["unknown", undefined, 1],
        ["priced", 0.006, 0],
        ["unused", 0, 0],
      ]);
      assert.deepEqual([total.costUsd, total.unpriced], [0.012, 2]);
    });

    storeTest("each request is priced by itself, not as a part of a sum", async (store) => {
      // Two prompts of 80,000 tokens pay the lower band of Haiku 5.5, one of 160,000 the upper.
      await store.usage.record(
        usageRow("1", { model: "claude-haiku-5-5", tokens: tokens({ input: 80_000 }) }),
      );
      await store.usage.record(
        usageRow("2", { model: "claude-haiku-5-5", tokens: tokens({ input: 80_000 }) }),
      );
      assert.equal((await store.usage.summarize({ ...always, by: "day" })).total.costUsd, 0.016);
      await store.usage.record(
        usageRow("3", { model: "claude-haiku-5-5", tokens: tokens({ input: 160_000 }), webSearches: 2 }),
      );
      assert.equal(
        (await store.usage.summarize({ ...always, by: "day" })).total.costUsd,
        0.016 + 0.08 + 0.02,
      );
    });

    storeTest("activity counts requests, all tokens and what they cost since a time", async (store) => {
      const counted = tokens({
        input: 1,
        output: 2,
        cacheWrite5m: 4,
        cacheWrite1h: 8,
        cacheRead: 16,
        reasoning: 2,
      });
      await store.usage.record(usageRow("1", { tokens: counted, time: noon - 1 }));
      await store.usage.record(usageRow("2", { tokens: counted }));
      await store.usage.record(usageRow("3", { tokens: counted, time: noon + 1 }));
      await store.usage.record(usageRow("4", { tokens: counted, account: "b", model: "without-a-price" }));
      await store.usage.record(usageRow("5", { tokens: tokens({}), account: "b" }));
      await store.usage.record(usageRow("6", { tokens: tokens({}), account: "c" }));
      const { rows } = await store.usage.summarize({ since: noon, until: noon + 2, by: "account" });
      const costUsd = rows.find(({ key }) => key === "claude-1")?.costUsd;
      assert.ok(costUsd! > 0);
      assert.deepEqual(await store.usage.activity(noon), [
        { accountId: "b", requests: 2, tokens: 31, costUsd: undefined },
        { accountId: "c", requests: 1, tokens: 0, costUsd: 0 },
        { accountId: "claude-1", requests: 2, tokens: 62, costUsd },
      ]);
    });

    storeTest("absurd figures and names of a provider or client do not break the sums", async (store) => {
      const absurd = [Number.NaN, -5, 1e300, Number.POSITIVE_INFINITY, 0.4];
      for (const [i, input] of absurd.entries()) {
        await store.usage.record(
          usageRow(`${i}`, { tokens: tokens({ input, output: 1 }), webSearches: input }),
        );
      }
      await store.usage.record(usageRow("long", { model: "x".repeat(100_000), client: "\0'\"\ud800" }));
      const { total, rows } = await store.usage.summarize({ ...always, by: "model" });
      assert.equal(total.requests, 6);
      assert.equal(total.tokens.input, 2e12 + 1000);
      assert.ok(rows.every((row) => row.key.length <= 200));
    });

    storeTest("roll-up changes no sum, whenever rows come and are amended", async (_, open) => {
      await open();
      const ids = fc.constantFrom(...Array.from({ length: 12 }, (_, i) => `request-${i}`));
      const row = fc
        .record({
          requestId: ids,
          time: fc.integer({ min: noon - 6 * day, max: noon }),
          client: fc.constantFrom("laptop", "desk"),
          account: fc.constantFrom("a", "b", "(none)", "passthrough"),
          family: fc.constantFrom("claude" as const, "openai" as const),
          model: fc.constantFrom("claude-haiku-5-5", "gpt-5.2", "llama-9", ""),
          sentModel: fc.constantFrom(undefined, "glm-5.2", "gpt-5.2"),
          outcome: fc.constantFrom(
            "complete" as const,
            "failed" as const,
            "truncated" as const,
            "aborted" as const,
          ),
          input: fc.nat(150_000),
          output: fc.nat(3),
        })
        .map(({ input, output, ...some }) =>
          usageRow(some.requestId, { ...some, tokens: tokens({ input, output }) }),
        );
      const operation = fc.oneof(
        { weight: 3, arbitrary: fc.record({ do: fc.constant("record" as const), row }) },
        {
          weight: 2,
          arbitrary: fc.record({
            do: fc.constant("maintain" as const),
            steps: fc.integer({ min: 1, max: 12 }),
          }),
        },
      );
      const period = fc.record({
        since: fc.oneof(fc.constant(0), fc.integer({ min: noon - 6 * day, max: noon })),
        until: fc.oneof(fc.constant(Number.MAX_SAFE_INTEGER), fc.integer({ min: noon - 6 * day, max: noon })),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(operation, { minLength: 1, maxLength: 30 }),
          period,
          async (operations, range) => {
            const harness = await createHarness();
            try {
              const store = await harness.open();
              const rows = new Map<string, UsageRow>();
              for (const each of operations) {
                if (each.do === "record") {
                  rows.set(each.row.requestId, each.row);
                  await store.usage.record(each.row);
                } else {
                  for (let i = 0; i < each.steps; i++) await store.usage.maintain(noon, 400 * day);
                }
              }
              for (const by of ["day", "account", "model", "client", "family"] as const) {
                assert.deepEqual(
                  await store.usage.summarize({ ...range, by }),
                  summarizeNaively(rows.values(), { ...range, by }),
                );
              }
            } finally {
              await harness.dispose();
            }
          },
        ),
        { numRuns: 40 },
      );
    });

    storeTest("a day of many rows is rolled up in steps, and a late row begins it again", async (store) => {
      const rows = new Map<string, UsageRow>();
      const record = async (row: UsageRow) => {
        rows.set(row.requestId, row);
        await store.usage.record(row);
      };
      // Many share one instant, so that a step ends between equal times.
      for (let i = 0; i < 1300; i++) {
        await record(usageRow(`r${i}`, { time: noon + Math.floor(i / 400), client: `c${i % 3}` }));
      }
      const now = noon + 2 * day;
      const check = async () => {
        const asked = { ...always, by: "client" as const };
        assert.deepEqual(await store.usage.summarize(asked), summarizeNaively(rows.values(), asked));
      };
      assert.equal(await store.usage.maintain(now, 400 * day), true);
      assert.equal(await store.usage.maintain(now, 400 * day), true);
      await check();
      await record(usageRow("late", { time: noon - 1, client: "late" }));
      assert.ok((await maintainAll(store, now)) >= 3);
      await check();
      await maintainAll(store, now);
      await check();
      await record(usageRow("r7", { client: "amended", time: noon + 1000 }));
      await check();
      await maintainAll(store, now);
      await maintainAll(store, now);
      await check();
      assert.equal(await maintainAll(store, now), 1, "nothing is left to be done");
    });

    storeTest("retention deletes whole days in small steps, rolled up or not", async (store) => {
      const rows: UsageRow[] = [];
      for (let i = 0; i < 1200; i++) rows.push(usageRow(`r${i}`, { time: noon - (i % 12) * day - i }));
      for (const row of rows) await store.usage.record(row);
      await maintainAll(store, noon);
      const steps = await maintainAll(store, noon, 5 * day);
      assert.ok(steps >= 3, "600 rows are too many for one step");
      const { rows: days, total } = await store.usage.summarize({ ...always, by: "day" });
      assert.deepEqual(
        days.map((row) => [row.key, row.requests]),
        [15, 16, 17, 18, 19, 20].map((date) => [`2026-11-${date}`, 100]),
      );
      assert.equal(total.requests, 600);
      // The day in which the retention ends is kept whole.
      const kept = rows.filter((row) => row.time > noon - 5.5 * day);
      assert.deepEqual(
        await store.usage.summarize({ ...always, by: "account" }),
        summarizeNaively(kept, { ...always, by: "account" }),
      );
    });
  });
}
