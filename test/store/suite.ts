// What every store must do. An implementation's test file calls `storeSuite` with a way to open it.

import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import type { TokenRow } from "../../src/domain/token-store.ts";
import type { BindingRow, CooldownRow, Store } from "../../src/store/store.ts";
import type { UsageKey, UsageRow } from "../../src/store/usage-store.ts";
import { summarizeNaively } from "./naive-usage.ts";
import { day, maintainAll, noon, tokens, usageRow } from "./rows.ts";
import { useZone } from "./zones.ts";

export interface StoreHarness {
  /** One more connection to the same data, as another process would have. */
  open(): Promise<Store>;
  /** Closes every store that was opened, and deletes the data. */
  dispose(): Promise<void>;
}

const always = { since: 0, until: Number.MAX_SAFE_INTEGER };

export function storeSuite(name: string, createHarness: () => Promise<StoreHarness>): void {
  /** Every test gets empty data of its own. */
  function storeTest(
    title: string,
    body: (store: Store, open: () => Promise<Store>, t: TestContext) => Promise<void>,
  ): void {
    test(title, async (t) => {
      const harness = await createHarness();
      try {
        await body(await harness.open(), harness.open, t);
      } finally {
        await harness.dispose();
      }
    });
  }

  // The names of days in the expectations.
  before(() => useZone("UTC"));
  after(() => useZone(undefined));

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
      assert.deepEqual(await store.bindings.load(0), [binding("at-b", { accountId: "b" })]);
      assert.equal(await store.tokens.load("a"), undefined);
      assert.deepEqual(await store.tokens.load("b"), token("b"));
      assert.equal((await store.usage.summarize({ ...always, by: "account" })).rows.length, 2);
    });
  });

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
  });

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

  describe(`${name}: notices`, () => {
    storeTest("what was sent comes back, and only for the receivers that were kept", async (store, open) => {
      const row = { receiver: "a", lasting: { "cooldown x": null, "needs-login y": noon }, sentAt: { k: 1 } };
      assert.deepEqual(await store.notices.list(), []);
      await store.notices.replace([row, { receiver: "b", lasting: {}, sentAt: {} }]);
      await store.notices.replace([{ ...row, sentAt: { k: 2 } }]);
      assert.deepEqual(await (await open()).notices.list(), [{ ...row, sentAt: { k: 2 } }]);
    });
  });

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

function cooldown(accountId: string, scope: string): CooldownRow {
  const until = noon + 1000;
  return {
    accountId,
    scope,
    since: noon,
    until,
    kind: "rate-limited",
    reason: "5h window is used up",
    settings: scope === "" ? undefined : `settings of ${accountId}`,
    probedAt: 0,
  };
}

function binding(key: string, some: Partial<BindingRow>): BindingRow {
  return { kind: "session", key, accountId: "a", fallbackId: undefined, expiresAt: noon + 1, ...some };
}

function token(accountId: string): TokenRow {
  return {
    accountId,
    configuredHash: "hash",
    refreshToken: `refresh-${accountId}`,
    accessToken: undefined,
    expiresAt: undefined,
    extras: undefined,
    generation: 1,
    updatedAt: noon,
    exchangeHash: undefined,
    exchangeAt: undefined,
  };
}
