// docs/database.md against the real schema: every table, column and migration, in its order.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { migrations } from "../../src/store/migrations.ts";

const text = readFileSync(join(import.meta.dirname, "../../docs/database.md"), "utf8");

function readSchema(): Record<string, string[]> {
  const database = new Database(":memory:");
  for (const migration of migrations) migration(database, { now: 0, prices: undefined });
  const names = database.prepare<[], string>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
  );
  const tables = names.pluck().all() as string[];
  const columnsOf = (table: string) =>
    (database.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name);
  const schema = Object.fromEntries(tables.map((table) => [table, columnsOf(table)]));
  database.close();
  return schema;
}

function readPage(): Record<string, string[]> {
  const sections = text.split(/^### `(\w+)`$/m).slice(1);
  const tables: Record<string, string[]> = {};
  for (let index = 0; index < sections.length; index += 2) {
    tables[sections[index]!] = [...sections[index + 1]!.matchAll(/^\| `(\w+)` \| \S.* \|$/gm)].map(
      (match) => match[1]!,
    );
  }
  return tables;
}

test("docs/database.md has every table and column of the schema, and no other", () => {
  assert.deepEqual(readPage(), readSchema());
});

test("docs/database.md names every migration in its order", () => {
  const named = [...text.matchAll(/^\d+\. `(\w+)`: \S/gm)].map((match) => match[1]);
  assert.deepEqual(
    named,
    migrations.map(({ name }) => name),
  );
});
