import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import { migrations } from "../../src/store/migrations.ts";
import type { UsageRow } from "../../src/store/usage-store.ts";
import { draws } from "../support/draws.ts";
import { patient } from "../support/patience.ts";
import { createMadeHarness, withHarness } from "./harness.ts";
import { insertManyRows } from "./many-rows.ts";
import { summarizeNaively } from "./naive-usage.ts";
import { always, day, maintainAll, noon, tokens, usageRow } from "./rows.ts";
import { useZone, zones } from "./zones.ts";

afterEach(() => useZone(undefined));

test("days rolled up in one time zone are no obstacle to asking from another", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: noon - 5 * day, max: noon }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.constantFrom(...zones), { minLength: 2, maxLength: 4 }),
      fc.integer({ min: noon - 5 * day, max: noon }),
      (times, inZones, since) =>
        withHarness(async ({ open }) => {
          const store = await open();
          const rows = times.map((time, i) => usageRow(`${i}`, { time, client: `c${i % 2}` }));
          for (const row of rows) await store.usage.record(row);
          for (const zone of inZones) {
            useZone(zone);
            for (const by of ["day", "client"] as const) {
              const asked = { since, until: noon + day, by };
              assert.deepEqual(await store.usage.summarize(asked), summarizeNaively(rows, asked), zone);
            }
            await maintainAll(store, noon + 2 * day);
            for (const by of ["day", "client"] as const) {
              const asked = { ...always, by };
              assert.deepEqual(await store.usage.summarize(asked), summarizeNaively(rows, asked), zone);
            }
          }
        }, createMadeHarness),
    ),
    { numRuns: draws(25) },
  ));

test("at every step of retention the sums are those of the rows that are left", () =>
  withHarness(async ({ path, open }) => {
    const store = await open();
    for (let i = 0; i < 1500; i++) {
      const time = noon - (i % 10) * day - i * 1000;
      await store.usage.record(
        usageRow(`r${i}`, { time, account: `a${i % 3}`, tokens: tokens({ input: i }) }),
      );
    }
    await maintainAll(store, noon);
    const reader = new Database(path, { readonly: true });
    const left = reader.prepare<[], Raw>("SELECT request_id, time, account, input FROM usage");
    let steps = 0;
    do {
      const rows = left
        .all()
        .map(({ request_id, input, ...some }) =>
          usageRow(request_id, { ...some, tokens: tokens({ input }) }),
        );
      for (const by of ["day", "account"] as const) {
        assert.deepEqual(
          await store.usage.summarize({ ...always, by }),
          summarizeNaively(rows, { ...always, by }),
        );
      }
      steps++;
    } while (await store.usage.maintain(noon, 4 * day));
    assert.ok(steps > 3);
    const count = (table: string) => reader.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
    const [first] = reader.prepare("SELECT min(start) FROM usage_sums").pluck().all() as number[];
    assert.ok(first! >= noon - 5 * day, "sums of deleted days are deleted too");
    assert.ok(Number(count("usage_days")) <= 5);
    reader.close();
  }));

for (const jumps of [
  [730, 731],
  [730, 740],
  [730, 14_600],
  [730, 730.9],
  [730, 731, 732, 800, 14_600],
]) {
  test(`requests while the clock is ${jumps.join(" and ")} days ahead delete no history`, () =>
    withHarness(async ({ open }) => {
      const store = await open();
      for (let i = 0; i < 20; i++) await store.usage.record(usageRow(`r${i}`, { time: noon - i * day }));
      for (const jump of jumps) {
        const time = noon + jump * day;
        await store.usage.record(usageRow(`${jump}`, { time }));
        await maintainAll(store, time);
      }
      await maintainAll(store, noon + 1);
      const { total } = await store.usage.summarize({ ...always, by: "account" });
      assert.equal(total.requests, 20 + jumps.length);
    }));
}

test("after a gap in which nothing was asked, retention goes on within days", () =>
  withHarness(async ({ open }) => {
    const store = await open();
    const requests = async () => (await store.usage.summarize({ ...always, by: "account" })).total.requests;
    for (let i = 0; i < 20; i++) await store.usage.record(usageRow(`r${i}`, { time: noon - i * day }));
    for (let i = 0; i < 7; i++) {
      const time = noon + (600 + i) * day;
      await maintainAll(store, time);
      assert.equal(await requests(), 20 + i);
      await store.usage.record(usageRow(`later${i}`, { time }));
    }
    await maintainAll(store, noon + 607 * day);
    assert.equal(await requests(), 7);
  }));

test("closed days are answered from their sums, not from their rows", () =>
  withHarness(async ({ path, open }) => {
    const store = await open();
    await store.usage.record(usageRow("1", { time: noon - 2 * day }));
    await maintainAll(store, noon);
    // Only a test would do this: the sums now differ from the rows.
    const database = new Database(path);
    database.exec("UPDATE usage_sums SET requests = 77");
    database.close();
    assert.equal((await store.usage.summarize({ ...always, by: "account" })).total.requests, 77);
    assert.equal((await store.usage.summarize({ ...always, by: "day" })).total.requests, 77);
    const partly = { since: noon - 2 * day, until: noon, by: "day" as const };
    assert.equal((await store.usage.summarize(partly)).total.requests, 1);
  }));

test("a relay of the version before goes on summing up on a file that was migrated under it, and its sums are replaced", () =>
  withHarness(async ({ path, open }) => {
    useZone("UTC");
    const start = Date.parse("2026-11-18T00:00:00Z");
    const older = new Database(path);
    for (const migration of migrations.slice(0, 10)) migration(older, { now: 0, prices: undefined });
    older.pragma("user_version = 10");
    const statements = olderRollUp.map((sql) => older.prepare(sql));
    const rollUp = () => {
      for (const statement of statements) statement.run({ start, until: start + day });
    };
    rollUp();
    const store = await open();
    const row = usageRow("1", { time: start + 1, sentModel: "glm-5.2" });
    await store.usage.record(row);
    rollUp();
    rollUp();
    const count = (table: string) => older.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
    const asked = { ...always, by: "model" as const };
    assert.deepEqual([count("usage_days"), count("usage_daily")], [1, 1]);
    assert.deepEqual(await store.usage.summarize(asked), summarizeNaively([row], asked));
    await maintainAll(store, noon);
    assert.deepEqual([count("usage_days"), count("usage_daily"), count("usage_sums")], [1, 0, 1]);
    assert.deepEqual(await store.usage.summarize(asked), summarizeNaively([row], asked));
    older.close();
  }));

/** As the version before the 11th migration had them, for one day. */
const olderRollUp = [
  "DELETE FROM usage_days WHERE start < $until AND until > $start",
  "DELETE FROM usage_daily WHERE start = $start",
  "INSERT INTO usage_days (start, until, done, cursor_time, cursor_id) VALUES ($start, $until, 0, $start, '')",
  `INSERT INTO usage_daily (start, account, model, client, family, requests, errors, input, output,
     cache_write_5m, cache_write_1h, cache_read, reasoning, cost_nano, unpriced)
   SELECT $start, account, model, client, family, sum(requests), 0, sum(input), sum(output), sum(cache_write_5m),
     sum(cache_write_1h), sum(cache_read), sum(reasoning), sum(coalesce(cost_nano, 0)), 0
   FROM usage WHERE time >= $start AND time < $until GROUP BY account, model, client, family
   ON CONFLICT (start, account, model, client, family) DO UPDATE SET requests = requests + excluded.requests`,
  "UPDATE usage_days SET done = 1 WHERE start = $start",
] as const;

test("the running day and one that has just ended are not rolled up yet", () =>
  withHarness(async ({ path, open }) => {
    useZone("UTC");
    const store = await open();
    await store.usage.record(usageRow("1"));
    const reader = new Database(path, { readonly: true });
    const rolledUp = () => reader.prepare("SELECT count(*) FROM usage_days WHERE done = 1").pluck().get();
    const midnight = Date.parse("2026-11-21T00:00:00Z");
    for (const [now, expected] of [
      [midnight - 1, 0],
      [midnight + 30 * 60e3, 0],
      [midnight + 60 * 60e3, 1],
    ] as const) {
      await maintainAll(store, now);
      assert.equal(rolledUp(), expected);
    }
    reader.close();
  }));

test("100,000 rows are rolled up in short steps and then answer at once", () =>
  withHarness(async ({ path, open }) => {
    const store = await open();
    insertManyRows(path, { count: 100_000, from: noon - 40 * day, to: noon });
    const before = await store.usage.summarize({ ...always, by: "account" });
    assert.equal(before.total.requests, 100_000);
    const steps: number[] = [];
    for (let more = true; more; ) {
      const started = performance.now();
      more = await store.usage.maintain(noon, 400 * day);
      steps.push(performance.now() - started);
    }
    steps.sort((a, b) => a - b);
    // The middle one: others use this machine too. A day at a time would take ten times as long.
    assert.ok(
      steps[Math.floor(steps.length / 2)]! < 20,
      `steps of ${steps[Math.floor(steps.length / 2)]} ms`,
    );
    for (const since of [0, noon - 30 * day]) {
      const started = performance.now();
      const { rows } = await store.usage.summarize({ since, until: noon + 1, by: "day" });
      const tookMs = performance.now() - started;
      assert.ok(rows.length >= 30);
      assert.ok(tookMs < patient(500), `${tookMs} ms`);
    }
    assert.deepEqual(await store.usage.summarize({ ...always, by: "account" }), before);
  }));

interface Raw extends Pick<UsageRow, "time" | "account"> {
  request_id: string;
  input: number;
}
