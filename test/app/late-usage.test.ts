// Usage while the database takes no writes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { createLateUsage, createWriteWait } from "../../src/app/database-writes.ts";
import type { UsageRow } from "../../src/store/usage-store.ts";
import { noTokens } from "../../src/usage/observer.ts";
import { cases } from "../relay/cases.ts";
import { send } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { collectingLog, type LoggedLine } from "../support/relay.ts";
import { setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

function rowOf(requestId: string, input = 0): UsageRow {
  return {
    requestId,
    time: 0,
    client: "anonymous",
    account: "a",
    family: "claude",
    model: "claude-sonnet-5",
    route: "claude/generate",
    tokens: { ...noTokens, input },
    tier: undefined,
    webSearches: 0,
    status: 200,
    outcome: "complete",
    attempts: 1,
    firstByteMs: 1,
    totalMs: 2,
  };
}

function setUp() {
  const written: UsageRow[] = [];
  const database = { isFull: false };
  const lines: LoggedLine[] = [];
  const store = {
    async record(row: UsageRow) {
      if (database.isFull) throw new Error("database or disk is full");
      written.push(row);
    },
  };
  return {
    written,
    database,
    lines,
    usage: createLateUsage({ usage: store, wait: createWriteWait(), log: collectingLog(lines) }),
  };
}

const idsOf = (rows: readonly UsageRow[]) => rows.map(({ requestId }) => requestId);
const messages = (lines: readonly LoggedLine[]) => lines.map(({ level, message }) => `${level}: ${message}`);

test("what cannot be written is kept and written later, in its order, the last form of each row", async () => {
  const { written, database, lines, usage } = setUp();
  await usage.record(rowOf("a"));
  database.isFull = true;
  for (const row of [rowOf("b", 1), rowOf("c"), rowOf("b", 2)]) await usage.record(row);
  await usage.catchUp();
  assert.deepEqual(idsOf(written), ["a"]);
  database.isFull = false;
  // Behind those that wait, so that no older form of a row comes after a newer one.
  await usage.record(rowOf("d"));
  assert.deepEqual(idsOf(written), ["a"]);
  await usage.catchUp();
  assert.deepEqual(idsOf(written), ["a", "c", "b", "d"]);
  assert.equal(written.at(-2)?.tokens.input, 2);
  await usage.record(rowOf("e"));
  assert.equal(written.at(-1)?.requestId, "e");
  assert.deepEqual(messages(lines), [
    "error: usage could not be written to the database, and is kept to be written later",
    "info: the database takes writes again, late usage is written",
  ]);
});

test("the end tries once more, and says what is lost", async () => {
  for (const isFull of [false, true]) {
    const { written, database, lines, usage } = setUp();
    database.isFull = true;
    for (let row = 0; row < 60_000; row++) await usage.record(rowOf(String(row)));
    database.isFull = isFull;
    await usage.close();
    assert.equal(written.length, isFull ? 0 : 50_000);
    const { fields } = lines.at(-1)!;
    assert.deepEqual(isFull ? fields : { lost: fields.lost }, isFull ? { rows: 60_000 } : { lost: 10_000 });
  }
});

test("another program's lock holds up one answer by 250 ms at most and loses no row", async (t) => {
  const { upstream, relay } = await setStage(t);
  const rows = async () => (await relay.store.usage.summarize({ since: 0, until: 1e15, by: "day" })).total;
  const database = new Database(relay.config.server.databasePath);
  t.after(() => database.close());
  const ask = async (session: string) =>
    assert.equal((await send(relay.url, cases.claude.request({ session }))).end, "clean");
  // The very first request of a process costs more than those after it.
  await ask("before the lock");
  await until("its row is there", async () => (await rows()).requests === 1);
  database.exec("BEGIN IMMEDIATE");
  const begun = performance.now();
  await ask("a");
  const ms = performance.now() - begun;
  assert.ok(ms > 150 && ms < patient(250), `the first one waits, for most locks are short: ${ms} ms`);
  const before = performance.now();
  for (const session of ["b", "c", "d"]) await ask(session);
  assert.ok(performance.now() - before < patient(1500), "those after it know better");
  assert.equal((await rows()).requests, 1);
  database.exec("COMMIT");
  await until("the rows are there", async () => (await rows()).requests === 5);
  assert.deepEqual((await rows()).tokens, upstream.total());
});

test("what the first row needs besides the database does not count as the database's time", async () => {
  const written: string[] = [];
  const { promise: loaded, resolve: load } = Promise.withResolvers<void>();
  const usage = createLateUsage({
    usage: {
      prepare: () => loaded,
      record: async ({ requestId }) => void written.push(requestId),
    },
    wait: createWriteWait(1),
    log: collectingLog([]),
  });
  let isAnswered = false;
  const recording = usage.record(rowOf("first")).then(() => (isAnswered = true));
  await sleep(20);
  assert.equal(isAnswered, false);
  load();
  await recording;
  assert.deepEqual(written, ["first"]);
});
