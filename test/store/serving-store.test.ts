// A store whose file is damaged, removed, replaced or cannot be written, while it is opened and while it is used.

import assert from "node:assert/strict";
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { UserError } from "../../src/domain/errors.ts";
import type { TokenRow } from "../../src/domain/token-store.ts";
import { findDamage } from "../../src/store/integrity.ts";
import { openServingStore, type ServingStoreOptions } from "../../src/store/serving-store.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { CooldownRow, Store } from "../../src/store/store.ts";
import { collectingLog, type LoggedLine } from "../support/relay.ts";
import { until } from "../support/until.ts";
import { createSqliteHarness, type SqliteHarness } from "./harness.ts";
import { noon, usageRow } from "./rows.ts";

const always = { since: 0, until: Number.MAX_SAFE_INTEGER, by: "day" as const };

interface Stage extends SqliteHarness {
  log: LoggedLine[];
  serve(options?: Partial<ServingStoreOptions>): Promise<Store>;
}

async function withStage(body: (stage: Stage) => Promise<void>): Promise<void> {
  const harness = await createSqliteHarness();
  const log: LoggedLine[] = [];
  const stores: Store[] = [];
  try {
    await body({
      ...harness,
      log,
      async serve(options) {
        const store = await openServingStore(harness.path, {
          log: collectingLog(log),
          checkIntervalMs: 20,
          retryIntervalMs: 20,
          runtimeFolder: join(harness.folder, "..", "cc-relay-test-locks"),
          ...options,
        });
        stores.push(store);
        return store;
      },
    });
  } finally {
    for (const store of stores) await store.close().catch(() => {});
    await harness.dispose();
  }
}

const token: TokenRow = {
  accountId: "a",
  configuredHash: "h",
  refreshToken: "rotated-refresh-token",
  accessToken: "access",
  expiresAt: noon,
  extras: undefined,
  generation: 3,
  updatedAt: noon,
  exchangeHash: undefined,
  exchangeAt: undefined,
};

const cooldown: CooldownRow = {
  accountId: "b",
  scope: "",
  since: noon,
  until: noon + 1000,
  kind: "rate-limited",
  reason: "the limit is reached",
  settings: "x",
  probedAt: noon,
};

const notice = { receiver: "r", lasting: { "cooldown a": null }, sentAt: {} };

async function fill(store: Store, requests = 3): Promise<void> {
  await store.notices.replace([notice]);
  await store.tokens.replace(token, undefined);
  await store.accounts.saveCooldown(cooldown);
  await store.accounts.saveState({ accountId: "a", lastUsedAt: noon, windows: [] });
  await store.bindings.save({
    kind: "session",
    key: "s",
    accountId: "a",
    fallbackId: undefined,
    expiresAt: noon + 1e9,
  });
  await Promise.all(
    Array.from({ length: requests }, (_, index) =>
      store.usage.record(usageRow(`row-${index}`, { time: noon + index })),
    ),
  );
}

async function assertKept(store: Store): Promise<void> {
  assert.deepEqual(await store.tokens.load("a"), token);
  assert.deepEqual(await store.accounts.cooldowns(), [cooldown]);
  assert.equal((await store.accounts.states())[0]?.lastUsedAt, noon);
  assert.equal((await store.bindings.load(noon, 100)).length, 1);
  assert.deepEqual(await store.notices.list(), [notice]);
}

const requestsIn = async (store: Store) => (await store.usage.summarize(always)).total.requests;
const asideIn = (path: string) =>
  readdirSync(dirname(path)).filter((name) => /\.corrupt-\d{8}T\d{6}Z$/.test(name));

function overwrite(path: string, at: number, bytes: Buffer): void {
  const file = openSync(path, "r+");
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

const noise = (length: number) => Buffer.alloc(length, "\u00ffnoise");

for (const [name, damage] of [
  ["whose header is overwritten", (path: string) => overwrite(path, 0, noise(100))],
  ["whose first page is overwritten", (path: string) => overwrite(path, 0, noise(4096))],
  [
    "of an older version than its tables",
    (path: string) => void new Database(path).exec("PRAGMA user_version = 2").close(),
  ],
  [
    "without a column",
    (path: string) => void new Database(path).exec("ALTER TABLE bindings DROP COLUMN fallback_id").close(),
  ],
] as const) {
  test(`a database ${name} is set aside, and all that it holds is carried over`, () =>
    withStage(async ({ path, open, serve, log }) => {
      const before = await open();
      await fill(before);
      await before.close();
      damage(path);
      const store = await serve();
      await assertKept(store);
      assert.equal(await requestsIn(store), 3);
      const [aside] = asideIn(path);
      assert.ok(aside !== undefined);
      const state = store.storage();
      const { at = 0, ...madeAnew } = (state.kind === "disk" && state.madeAnew) || {};
      assert.deepEqual(madeAnew, { why: "damaged", aside: join(dirname(path), aside) });
      assert.ok(at > 0);
      const [line] = log.filter(({ level }) => level === "error");
      assert.match(line!.message, /^the database is damaged: it was set aside/);
      const [recovery] = await store.recoveries.list();
      assert.equal(recovery?.path, join(dirname(path), aside));
      assert.equal(recovery?.rows.tokens, 1);
      assert.equal(recovery?.rows.usage, 3);
      await store.usage.record(usageRow("after"));
      assert.equal(await requestsIn(store), 4);
    }));
}

test("of a table with pages that cannot be read, all that is before and behind them is carried over", () =>
  withStage(async ({ path, open, serve }) => {
    const before = await open();
    await fill(before, 4000);
    await before.close();
    const bytes = readFileSync(path);
    for (const row of ["row-1000laptop", "row-2500laptop"]) {
      const at = bytes.indexOf(Buffer.from(row));
      overwrite(path, at - (at % 4096), noise(4096));
    }
    const store = await serve();
    await assertKept(store);
    const kept = await requestsIn(store);
    assert.ok(kept >= 3800 && kept < 4000, `${kept} of 4000`);
    assert.equal((await store.requests.find("row-3999"))?.id, "row-3999");
    const [recovery] = await store.recoveries.list();
    assert.deepEqual(recovery?.damaged.includes("usage"), true);
  }));

test("what is no database at all is set aside, what is somebody's text under another name is not", () =>
  withStage(async ({ folder, path, serve }) => {
    writeFileSync(path, "not a database, not even nearly\n".repeat(50));
    const store = await serve();
    assert.equal(await requestsIn(store), 0);
    assert.match(readFileSync(join(folder, asideIn(path)[0]!), "utf8"), /^not a database/);
    const notes = join(folder, "notes.txt");
    writeFileSync(notes, "my notes\n".repeat(200));
    await assert.rejects(
      openServingStore(notes, { log: collectingLog([]) }),
      (error) => error instanceof UserError && /is not a SQLite database/.test(error.message),
    );
    assert.match(readFileSync(notes, "utf8"), /^my notes/);
  }));

test("a file that ends in the middle is read as far as it goes", () =>
  withStage(async ({ path, open, serve }) => {
    const before = await open();
    await fill(before, 4000);
    await before.close();
    truncateSync(path, Math.floor(statSync(path).size / 2));
    const store = await serve();
    const kept = await requestsIn(store);
    assert.ok(kept > 0 && kept < 4000, `${kept} of 4000`);
    assert.deepEqual(await store.tokens.load("a"), token);
  }));

test("another program's database and one of a newer version are left alone", () =>
  withStage(async ({ path, serve }) => {
    new Database(path).exec("CREATE TABLE notes (text)").close();
    await assert.rejects(serve(), /of another program/);
    rmSync(path);
    new Database(path).exec(`PRAGMA application_id = ${0x63637279}; PRAGMA user_version = 99`).close();
    await assert.rejects(serve(), /newer cc-relay/);
    assert.deepEqual(asideIn(path), []);
  }));

test("a database that is removed under its relay is made anew, with all but the old usage", () =>
  withStage(async ({ path, serve, log, open }) => {
    const store = await serve();
    await fill(store);
    await until("the rows are known to be in the file", async () => (await store.requests.newest()) === 3);
    await new Promise((resolve) => setTimeout(resolve, 60));
    for (const end of ["", "-wal", "-shm", ".lock"]) rmSync(path + end, { force: true });
    await store.usage.record(usageRow("late", { time: noon + 99 }));
    await until(
      "it is there again",
      () => existsSync(path) && log.some(({ message }) => /made anew/.test(message)),
      2000,
    );
    const reader = await open({ readonly: true });
    await assertKept(reader);
    assert.ok((await reader.requests.find("late")) !== undefined, "what was recorded since is kept");
    assert.equal((await reader.daemon.look()).running, true, "the lock is taken again");
    assert.deepEqual(
      log.map(({ message }) => message).filter((message) => /was removed/.test(message)).length,
      1,
    );
  }));

test("a database that is replaced by an older one keeps the newer token, and the relay goes on in it", () =>
  withStage(async ({ folder, path, serve, log, open }) => {
    const first = await open();
    await first.tokens.replace(
      { ...token, refreshToken: "old", generation: 1, updatedAt: noon - 1 },
      undefined,
    );
    await first.usage.record(usageRow("backup"));
    await first.close();
    const backup = join(folder, "backup");
    copyFileSync(path, backup);
    const store = await serve();
    await store.tokens.replace(token, 1);
    renameSync(backup, path);
    await until("it is noticed", () => log.some(({ message }) => /was replaced/.test(message)), 2000);
    const reader = await openSqliteStore(path, { readonly: true });
    assert.deepEqual(await reader.tokens.load("a"), token);
    assert.ok((await reader.requests.find("backup")) !== undefined);
    await store.usage.record(usageRow("after"));
    assert.ok((await reader.requests.find("after")) !== undefined);
    await reader.close();
  }));

for (const [what, prepare] of [
  ["an older copy of it", (path: string, copy: string) => vacuumInto(path, copy)],
  ["another program's database", (_: string, copy: string) => createOther(copy)],
  ["an older copy of it, by another name", (path: string, copy: string) => vacuumInto(path, copy)],
  ["a file of noise", (_: string, copy: string) => writeFileSync(copy, Buffer.alloc(50_000, 0x5a))],
] as const) {
  test(`a database that is replaced with ${what} is noticed, keeps tokens, and stays sound`, () =>
    withStage(async ({ folder, path, serve, log, open }) => {
      const store = await serve();
      await store.usage.record(usageRow("first"));
      const copy = join(folder, "copy");
      prepare(path, copy);
      await fill(store, 300);
      if (what.endsWith("by another name")) renameSync(copy, path);
      else copyFileSync(copy, path);
      await until(
        "it is noticed",
        () => log.some(({ message }) => /was replaced|set aside|kept in memory/.test(message)),
        2000,
      );
      await store.usage.record(usageRow("after"));
      assert.deepEqual(await store.tokens.load("a"), token);
      await store.close();
      if (what === "another program's database") {
        const other = new Database(path, { readonly: true });
        assert.equal(other.prepare("SELECT count(*) FROM x").pluck().get(), 1, "it is left alone");
        other.close();
      } else {
        assert.equal(await findDamage(path), undefined);
        const reader = await open({ readonly: true });
        assert.deepEqual(await reader.tokens.load("a"), token);
        assert.ok((await reader.requests.find("after")) !== undefined);
        if (what.startsWith("an older copy")) {
          assert.ok((await reader.requests.find("first")) !== undefined);
          assert.deepEqual(asideIn(path), []);
        }
      }
    }));
}

test("a checkpoint by another program is not taken for another database", () =>
  withStage(async ({ path, serve, log, open }) => {
    const store = await serve();
    await fill(store);
    const before = statSync(path).mtimeMs;
    const other = new Database(path);
    other.pragma("wal_checkpoint(TRUNCATE)");
    other.close();
    assert.notEqual(statSync(path).mtimeMs, before);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.deepEqual(
      log.filter(({ level }) => level === "error").map(({ message }) => message),
      [],
    );
    await store.usage.record(usageRow("after"));
    const reader = await open({ readonly: true });
    assert.ok((await reader.requests.find("after")) !== undefined);
  }));

function vacuumInto(path: string, copy: string): void {
  const database = new Database(path);
  database.exec(`VACUUM INTO '${copy}'`);
  database.close();
}

function createOther(path: string): void {
  const other = new Database(path);
  other.exec("CREATE TABLE x (y); INSERT INTO x VALUES (randomblob(100000))");
  other.close();
}

test("damage that is met in use is repaired before the work fails", () =>
  withStage(async ({ path, serve, log }) => {
    const store = await serve({ checkIntervalMs: 60_000 });
    await fill(store);
    const database = new Database(path);
    database.exec("DROP TABLE usage; DROP TABLE bindings");
    database.close();
    await store.usage.record(usageRow("after"));
    assert.deepEqual(await store.tokens.load("a"), token);
    assert.ok((await store.requests.find("after")) !== undefined);
    assert.ok(log.some(({ message }) => /set aside/.test(message)));
  }));

test("a second relay never starts beside the first, even when the database's whole folder is gone", () =>
  withStage(async ({ folder, path, serve }) => {
    const first = await serve({ checkIntervalMs: 60_000 });
    assert.deepEqual(await first.daemon.claim(), { ok: true });
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    const second = await serve();
    assert.equal((await second.daemon.claim()).ok, false);
    await second.close();
    await first.close();
    const third = await serve();
    assert.deepEqual(await third.daemon.claim(), { ok: true });
    assert.ok(existsSync(path));
  }));

test("what another relay works on is not set aside, however damaged", () =>
  withStage(async ({ path, serve, open }) => {
    const first = await open();
    await first.daemon.claim();
    overwrite(path, 0, noise(100));
    const second = await serve().catch(() => undefined);
    assert.notEqual((await second?.daemon.claim())?.ok, true);
    assert.deepEqual(asideIn(path), []);
  }));
