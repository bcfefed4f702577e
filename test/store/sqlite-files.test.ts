import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { fixText, UserError } from "../../src/domain/errors.ts";
import { findDamage } from "../../src/store/integrity.ts";
import { applicationId, migrations } from "../../src/store/migrations.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { withHarness } from "./harness.ts";
import { usageRow } from "./rows.ts";

const always = { since: 0, until: Number.MAX_SAFE_INTEGER, by: "day" as const };

test("every file is for its owner only, and so is a folder that was missing", () =>
  withHarness(async ({ folder }) => {
    const before = process.umask(0);
    const store = await openSqliteStore(join(folder, "data", "more", "relay.db"));
    try {
      await store.usage.record(usageRow("1"));
      await store.daemon.claim();
      await store.tokens.withLock("../a/ccount", async () => {
        const files = readdirSync(join(folder, "data", "more"), { withFileTypes: true });
        assert.deepEqual(files.map((file) => file.name.replace(/[0-9a-f]{16}$/, "HASH")).sort(), [
          "relay.db",
          "relay.db-shm",
          "relay.db-wal",
          "relay.db.lock",
          "relay.db.lock-HASH",
        ]);
        for (const file of files) assert.equal(mode(join(file.parentPath, file.name)), 0o600, file.name);
      });
      assert.equal(mode(join(folder, "data")), 0o700);
      assert.equal(mode(join(folder, "data", "more")), 0o700);
    } finally {
      process.umask(before);
      await store.close();
    }
  }));

test("a database with wider rights loses them, a folder that was there keeps its own", () =>
  withHarness(async ({ folder, path, open }) => {
    await (await open()).close();
    chmodSync(path, 0o644);
    chmodSync(folder, 0o755);
    await open();
    assert.equal(mode(path), 0o600);
    assert.equal(mode(folder), 0o755);
  }));

test("a path through a symbolic link is the file it points to", () =>
  withHarness(async ({ folder, path, open }) => {
    const link = join(folder, "link.db");
    await (await open()).usage.record(usageRow("1"));
    symlinkSync(path, link);
    const store = await openSqliteStore(link);
    assert.equal((await store.usage.summarize(always)).total.requests, 1);
    await store.close();
  }));

test("a database has one daemon, by whatever link it is opened", () =>
  withHarness(async ({ folder, path, open }) => {
    const first = await open();
    assert.deepEqual(await first.daemon.claim(), { ok: true });
    const link = join(folder, "link.db");
    symlinkSync(path, link);
    const second = await openSqliteStore(link);
    assert.equal((await second.daemon.claim()).ok, false);
    assert.equal((await second.daemon.look()).running, true);
    await second.close();
  }));

test("the file that a link leads to is made for its owner only", () =>
  withHarness(async ({ folder }) => {
    const before = process.umask(0);
    symlinkSync(join("data", "real.db"), join(folder, "link.db"));
    const store = await openSqliteStore(join(folder, "link.db"));
    try {
      assert.equal(mode(join(folder, "data", "real.db")), 0o600);
    } finally {
      process.umask(before);
      await store.close();
    }
  }));

test("to only look creates nothing: a missing file is an empty store", () =>
  withHarness(async ({ folder, open }) => {
    const store = await open({ readonly: true });
    assert.equal((await store.usage.summarize(always)).total.requests, 0);
    assert.deepEqual(await store.accounts.states(), []);
    assert.deepEqual(await store.daemon.look(), { info: undefined, running: false });
    assert.deepEqual(readdirSync(folder), []);
  }));

test("who only looks sees what a running relay has written, and cannot write", () =>
  withHarness(async ({ open }) => {
    const daemon = await open();
    const viewer = await open({ readonly: true });
    await daemon.usage.record(usageRow("1"));
    assert.equal((await viewer.usage.summarize(always)).total.requests, 1);
    await assert.rejects(viewer.usage.record(usageRow("2")), UserError);
  }));

test("who only looks at a database without a schema yet finds it empty", () =>
  withHarness(async ({ path, open }) => {
    new Database(path).exec("PRAGMA journal_mode = WAL").close();
    assert.deepEqual(await (await open({ readonly: true })).accounts.cooldowns(), []);
  }));

test("a file that cannot be used is named with what is wrong and what to do", () =>
  withHarness(async ({ folder }) => {
    const cases: [name: string, make: (path: string) => void, message: RegExp, fix: RegExp][] = [
      [
        "text",
        (path) => writeFileSync(path, "api_keys = []\n".repeat(100)),
        /is not a SQLite database$/,
        /another file, or to move this one away, run: mv /,
      ],
      ["folder", (path) => mkdirSync(path), /is a folder$/, /another file/],
      [
        "file/relay.db",
        (path) => writeFileSync(join(path, ".."), ""),
        /cannot be created \((ENOTDIR|EEXIST)/,
        /write access/,
      ],
      [
        "other",
        (path) => new Database(path).exec("CREATE TABLE notes (text)").close(),
        /of another program$/,
        /of its own/,
      ],
      [
        "foreign",
        (path) => new Database(path).exec("PRAGMA user_version = 3").close(),
        /of another program$/,
        /of its own/,
      ],
      ["newer", makeNewer, /newer cc-relay \(its schema is 99, this one knows \d+\)$/, /npm install/],
      ["half", makeHalf, /is damaged/, /\.recover/],
    ];
    for (const [name, make, message, fix] of cases) {
      const path = join(folder, name);
      make(path);
      for (const readonly of name === "file/relay.db" ? [false] : [false, true]) {
        const opening = openSqliteStore(path, { readonly }).then((store) => store.usage.summarize(always));
        await assert.rejects(opening, (error) => {
          assert.ok(error instanceof UserError, `${name}: ${error}`);
          assert.match(error.message, message);
          assert.ok(error.message.includes(path));
          assert.ok(!error.message.includes("\n"));
          assert.match(fixText(error.fix ?? ""), fix);
          return true;
        });
      }
    }
    const notes = new Database(join(folder, "other"), { readonly: true });
    assert.deepEqual(
      notes.prepare("SELECT name FROM sqlite_schema").pluck().all(),
      ["notes"],
      "left as it was",
    );
    notes.close();
  }));

test("damage inside the file is found, and reported when it is met", () =>
  withHarness(async ({ path, open }) => {
    const store = await open();
    for (let i = 0; i < 500; i++) await store.usage.record(usageRow(`row-${i}`));
    await store.close();
    assert.equal(await findDamage(path), undefined);
    const size = statSync(path).size;
    const file = openSync(path, "r+");
    const at = readFileSync(path).indexOf("row-250") - 2000;
    writeSync(file, Buffer.alloc(8192, 0x5a), 0, 8192, Math.min(at - (at % 4096), size - 8192));

    assert.notEqual(await findDamage(path), undefined);
    const damaged = await open();
    await assert.rejects(damaged.usage.summarize(always), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /is damaged/);
      return true;
    });
  }));

test("a lock file that something else has written to locks nothing", () =>
  withHarness(async ({ path, open }) => {
    writeFileSync(`${path}.lock`, "4711\n".repeat(200));
    const store = await open();
    assert.deepEqual(await store.daemon.look(), { info: undefined, running: false });
    assert.deepEqual(await store.daemon.claim(), { ok: true });
    assert.equal((await (await open()).daemon.claim()).ok, false, "it is a lock again");
  }));

test("making a database private follows no link", () =>
  withHarness(async ({ folder, path, open }) => {
    await (await open()).close();
    const other = join(folder, "other");
    writeFileSync(other, "", { mode: 0o644 });
    symlinkSync(other, `${path}-wal`);
    await openSqliteStore(path).then(
      (store) => store.close(),
      () => {},
    );
    assert.equal(mode(other), 0o644);
  }));

test("a cell that holds something else than it should is not known, and stops nothing", () =>
  withHarness(async ({ path, open }) => {
    const store = await open();
    await store.accounts.saveState({ accountId: "a", lastUsedAt: 5, windows: [] });
    new Database(path).exec("UPDATE account_states SET windows = '{no json'").close();
    assert.deepEqual(await store.accounts.states(), [{ accountId: "a", lastUsedAt: 5, windows: [] }]);
  }));

test("a database that has not the tables of its version is named, with what to do", () =>
  withHarness(async ({ path, open }) => {
    await (await open()).close();
    for (const change of ["PRAGMA user_version = 2", "ALTER TABLE tokens DROP COLUMN extras"]) {
      new Database(path).exec(change).close();
      await assert.rejects(open(), (error) => {
        assert.ok(error instanceof UserError, String(error));
        assert.match(error.message, /has not the tables of its version/);
        return true;
      });
      new Database(path).exec(`PRAGMA user_version = ${migrations.length}`).close();
    }
  }));

test("what was found of a login before its column had another name is found in the new one", () =>
  withHarness(async ({ path, open }) => {
    const database = new Database(path);
    for (const migration of migrations.slice(0, 8)) migration(database, { now: 0, prices: undefined });
    database.exec(`PRAGMA user_version = 8;
      INSERT INTO tokens (account_id, configured_hash, refresh_token, project, generation, updated_at)
      VALUES ('with', 'h', 'r', 'my-project', 1, 2), ('without', 'h', 'r', NULL, 1, 2)`);
    database.close();
    const { tokens } = await open();
    assert.deepEqual((await tokens.load("with"))?.extras, { project: "my-project" });
    assert.equal((await tokens.load("without"))?.extras, undefined);
  }));

test("who only looks writes nothing, also where the schema is an older one", () =>
  withHarness(async ({ folder, path }) => {
    const database = new Database(path);
    for (const [index, migration] of migrations.slice(0, 3).entries()) {
      migration(database, { now: 0, prices: undefined });
      database.pragma(`user_version = ${index + 1}`);
    }
    database.exec("INSERT INTO rests VALUES ('a', '', 1, 2, 'capacity', 'full', 3, NULL)").close();
    const before = readFileSync(path);
    const store = await openSqliteStore(path, { readonly: true });
    assert.equal((await store.accounts.cooldowns())[0]?.reason, "full");
    await store.close();
    assert.deepEqual(readFileSync(path), before);
    assert.deepEqual(readdirSync(folder), ["relay.db"]);
  }));

test("the lock file of a process that is gone holds nobody up", () =>
  withHarness(async ({ path, open }) => {
    writeFileSync(`${path}.lock`, "");
    const store = await open();
    assert.deepEqual(await store.daemon.look(), { info: undefined, running: false });
    assert.deepEqual(await store.daemon.claim(), { ok: true });
  }));

function makeNewer(path: string): void {
  new Database(path).exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = 99`).close();
  assert.ok(migrations.length < 99);
}

function makeHalf(path: string): void {
  const database = new Database(path);
  database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}`);
  for (let i = 0; i < 20; i++) database.exec(`CREATE TABLE t${i} (x)`);
  database.close();
  truncateSync(path, 4096);
}

function mode(path: string): number {
  return statSync(path).mode & 0o777;
}
