import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { readTime } from "../../src/store/predecessor.ts";
import type { UsageKey } from "../../src/store/usage-store.ts";
import { withHarness } from "./harness.ts";
import { always, tokens } from "./rows.ts";
import { useZone } from "./zones.ts";

before(() => useZone("UTC"));
after(() => useZone(undefined));

test("the predecessor's usage is taken over once and its tables stay as they are", () =>
  withHarness(async ({ path, open }) => {
    createPredecessor(path, [
      ["claude-1", "claude-sonnet-4-20250514", 100, 20, 30, 40, 1, "2025-11-20 12:00:00", "ab12".repeat(16)],
      ["claude-1", "claude-opus-4-5-20251101", 1000, 200, 0, 0, 1, "2025-11-20T12:00:00Z", "anonymous"],
      ["codex", "gpt-5.2", 10, 2, 0, 5, 1, "2025-11-21T12:00:00.123456789+00:00", "legacy"],
      ["google", "gemini-2.5-pro", 10, 2, 0, 0, 1, 1763812800, "anonymous"],
      ["google", "some-model", 10, 2, 0, 0, 1, "yesterday", "anonymous"],
    ]);
    const before = dumpPredecessor(path);
    const clock = () => Date.parse("2026-11-20T12:00:00Z");
    const store = await open({ clock });
    const keys = async (by: UsageKey) => {
      const { rows } = await store.usage.summarize({ ...always, by });
      return rows.map((row) => [row.key, row.requests]);
    };
    assert.deepEqual(await keys("account"), [
      ["claude-1", 2],
      ["google", 2],
      ["codex", 1],
    ]);
    assert.deepEqual(await keys("client"), [
      ["anonymous", 3],
      ["ab12ab12", 1],
      ["legacy", 1],
    ]);
    assert.deepEqual(await keys("family"), [
      ["claude", 3],
      ["gemini", 1],
      ["openai", 1],
    ]);
    assert.deepEqual(await keys("day"), [
      ["2025-11-20", 2],
      ["2025-11-21", 1],
      ["2025-11-22", 1],
      ["2026-11-20", 1],
    ]);
    const { rows, total } = await store.usage.summarize({ ...always, by: "model" });
    assert.deepEqual(total.tokens, tokens({ input: 1130, output: 226, cacheWrite5m: 30, cacheRead: 45 }));
    const sonnet = rows.find((row) => row.key === "claude-sonnet-4-20250514");
    assert.equal(sonnet?.costUsd, (100 * 3 + 20 * 15 + 30 * 3.75 + 40 * 0.3) / 1e6);
    assert.deepEqual([total.errors, total.unpriced], [0, 1]);

    await store.close();
    assert.deepEqual(dumpPredecessor(path), before);
    const again = await open({ clock });
    assert.equal((await again.usage.summarize({ ...always, by: "day" })).total.requests, 5);
  }));

test("a row that means several requests counts them and is priced by their average size", () =>
  withHarness(async ({ path, open }) => {
    // 400,000 tokens in one prompt would cost the double; four prompts of 100,000 do not.
    createPredecessor(path, [
      ["g", "gemini-2.5-pro", 400_000, 0, 0, 0, 4, "2025-11-20 12:00:00", "anonymous"],
    ]);
    const { total } = await (await open()).usage.summarize({ ...always, by: "day" });
    assert.deepEqual([total.requests, total.tokens.input, total.costUsd], [4, 400_000, 0.5]);
  }));

test("a predecessor's database without usage, or with other columns, opens too", () =>
  withHarness(async ({ path, open }) => {
    const database = new Database(path);
    database.exec("CREATE TABLE sticky_sessions (session_hash TEXT, account_id TEXT, expires_at INTEGER)");
    database.exec(
      "CREATE TABLE usage_stats (id TEXT PRIMARY KEY, account_id TEXT, model TEXT, input_tokens TEXT)",
    );
    database.exec(
      "INSERT INTO usage_stats VALUES ('x', NULL, NULL, NULL), ('y', 'a', 'claude-opus-5', '12')",
    );
    database.close();
    const store = await open();
    const { rows } = await store.usage.summarize({ ...always, by: "account" });
    assert.deepEqual(
      rows.map(({ key, requests, tokens }) => [key, requests, tokens.input]),
      [
        ["(none)", 1, 0],
        ["a", 1, 12],
      ],
    );
  }));

test("more rows than are read at once are all taken over", () =>
  withHarness(async ({ path, open }) => {
    const row = ["a", "claude-opus-5", 1, 0, 0, 0, 1, "2025-11-20 12:00:00", "anonymous"];
    createPredecessor(path, Array(1203).fill(row));
    const { total } = await (await open({ readonly: true })).usage.summarize({ ...always, by: "day" });
    assert.deepEqual([total.requests, total.tokens.input], [1203, 1203]);
  }));

test("a time is read in every form a Rust program may have written", () => {
  const noon = Date.parse("2025-11-20T12:00:00Z");
  const cases: [unknown, number | undefined][] = [
    ["2025-11-20 12:00:00", noon],
    ["2025-11-20 12:00", noon],
    ["2025-11-20T12:00:00Z", noon],
    ["2025-11-20T12:00:00.5Z", noon + 500],
    ["2025-11-20 12:00:00.123456789 UTC", noon + 123],
    ["2025-11-20T13:00:00+01:00", noon],
    ["2025-11-20 07:30:00-0430", noon],
    ["2025-11-20 12:00:00+00", noon],
    ["2025-11-20", noon - 12 * 3600e3],
    [noon / 1000, noon],
    [noon, noon],
    [noon * 1000, noon],
    [noon * 1e6, noon],
    [String(noon / 1000), noon],
    [` ${noon} `, noon],
    ["2025-13-45 99:00:00", undefined],
    ["yesterday", undefined],
    ["", undefined],
    [0, undefined],
    [-5, undefined],
    [null, undefined],
    [Buffer.from("x"), undefined],
  ];
  for (const [value, time] of cases) assert.equal(readTime(value), time, String(value));
});

function createPredecessor(path: string, rows: unknown[][]): void {
  const database = new Database(path);
  database.exec(`
    CREATE TABLE usage_stats (id INTEGER PRIMARY KEY AUTOINCREMENT, account_id TEXT NOT NULL, model TEXT NOT NULL,
      input_tokens INTEGER, output_tokens INTEGER, cache_creation_tokens INTEGER, cache_read_tokens INTEGER,
      request_count INTEGER, created_at, client_api_key_hash TEXT);
    CREATE TABLE sticky_sessions (session_hash TEXT PRIMARY KEY, account_id TEXT NOT NULL, expires_at INTEGER NOT NULL);
    INSERT INTO sticky_sessions VALUES ('s', 'claude-1', 1);
  `);
  const insert = database.prepare(
    `INSERT INTO usage_stats (account_id, model, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens,
      request_count, created_at, client_api_key_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  database.transaction(() => {
    for (const row of rows) insert.run(...row);
  })();
  database.close();
}

function dumpPredecessor(path: string): unknown {
  const database = new Database(path, { readonly: true });
  const dump = ["usage_stats", "sticky_sessions"].map((table) => [
    database.prepare("SELECT sql FROM sqlite_schema WHERE name = ?").get(table),
    database.prepare(`SELECT * FROM ${table}`).all(),
  ]);
  database.close();
  return dump;
}
