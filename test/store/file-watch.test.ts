// What is written to the database's file by others: a checkpoint is theirs to make, another database in its place is not.

import assert from "node:assert/strict";
import { closeSync, copyFileSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import { createFileWatch } from "../../src/store/file-watch.ts";
import { findDamage } from "../../src/store/integrity.ts";
import { readLogState } from "../../src/store/log-index.ts";
import { openDatabase } from "../../src/store/sqlite.ts";
import { createSqliteHarness } from "./harness.ts";
import { usageRow } from "./rows.ts";

async function setUp(t: TestContext, fillerBytes = 0) {
  const { path, folder, dispose } = await createSqliteHarness();
  t.after(dispose);
  const { store, connection, detach } = await openDatabase(path);
  const others = (work: (database: Database.Database) => void) => {
    const database = new Database(path);
    work(database);
    database.close();
  };
  others((database) => {
    database.exec("CREATE TABLE filler (x)");
    database.prepare("INSERT INTO filler VALUES (zeroblob(?))").run(fillerBytes);
  });
  const watch = createFileWatch(connection);
  t.after(async () => {
    await detach().catch(() => {});
    watch.close();
  });
  let newest = 0;
  const record = async (id: string) => {
    await store.usage.record(usageRow(id));
    newest = await store.requests.newest();
  };
  /** The first look that finds a change waits for its end. */
  const look = () => watch.look(newest) ?? watch.look(newest);
  const copyTo = (name: string) => {
    const copy = join(folder, name);
    others((database) => database.exec(`VACUUM INTO '${copy}'`));
    return copy;
  };
  return { path, others, watch, record, look, copyTo, detach };
}

for (const [what, fillerBytes] of [
  ["a small database", 0],
  ["one of 80 MB", 80_000_000],
] as const) {
  test(`checkpoints of ${what} by another program are not taken for another database, a copy of it is`, async (t) => {
    const { path, others, watch, record, look, copyTo, detach } = await setUp(t, fillerBytes);
    await record("first");
    const copy = copyTo("copy");
    for (const mode of ["PASSIVE", "TRUNCATE", "RESTART", "FULL"]) {
      assert.equal(look(), undefined);
      await record(`before ${mode}`);
      const before = statSync(path, { bigint: true }).mtimeNs;
      others((database) => database.pragma(`wal_checkpoint(${mode})`));
      assert.notEqual(statSync(path, { bigint: true }).mtimeNs, before, "the file is written to");
      await record(`after ${mode}`);
      assert.equal(look(), undefined, mode);
    }
    copyFileSync(copy, path);
    assert.equal(look(), "overwritten");
    watch.part("overwritten");
    await detach();
    assert.equal(await findDamage(path), undefined);
  });
}

test("a long log is copied into the file once, and again only when it is long again", async (t) => {
  const { path, others, record, look } = await setUp(t);
  const index = openSync(`${path}-shm`, "r");
  // Behind the connection's end, see readLogState.
  t.after(() => closeSync(index));
  const fill = () =>
    others((database) => {
      database.pragma("wal_autocheckpoint = 0");
      database.prepare("INSERT INTO filler VALUES (zeroblob(9000000))").run();
    });
  for (let round = 0; round < 2; round++) {
    fill();
    assert.equal(look(), undefined);
    const long = readLogState(index)!;
    assert.equal(long.copied, long.frames);
    await record(`round ${round}`);
    assert.equal(look(), undefined);
    assert.equal(readLogState(index)!.copied, 0);
  }
});

test("an idle relay's database that is vacuumed and copied back is another one: the log does not fit its pages", async (t) => {
  const { path, record, look, copyTo } = await setUp(t);
  for (let row = 0; row < 50; row++) await record(`row ${row}`);
  assert.equal(look(), undefined);
  const copy = copyTo("copy");
  assert.equal(look(), undefined);
  copyFileSync(copy, path);
  assert.equal(look(), "overwritten");
});

test("a page that is written over beside a checkpoint is noticed", async (t) => {
  const { path, others, record, look } = await setUp(t);
  await record("first");
  assert.equal(look(), undefined);
  for (let row = 0; row < 50; row++) await record(`row ${row}`);
  others((database) => database.pragma("wal_checkpoint(PASSIVE)"));
  const bytes = readFileSync(path);
  bytes.fill(0x5a, bytes.length - 4096);
  writeFileSync(path, bytes);
  assert.equal(look(), "overwritten");
});
