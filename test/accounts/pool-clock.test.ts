// Clocks that are set, and machines that sleep.

import assert from "node:assert/strict";
import { test } from "node:test";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { accountConfig, selection, start } from "./fakes.ts";
import { billed, configOf, day, hour, limit, readStatus, setUp } from "./pool-setup.ts";

test("a day forward and back leaves nobody in cooldown", async () => {
  const { accounts, clock, open, pool } = await setUp(["a"]);
  clock.monotonic = 0;
  clock.now = start + day;
  await pool.failed(
    pool.account("a")!,
    { ...limit, until: start + day + hour },
    { ...billed, sentAt: clock.now },
  );
  clock.now = start + 1000;
  clock.monotonic = 1000;
  assert.equal((await pool.choose(selection({ now: clock.now }))).kind, "use");
  assert.equal(readStatus((await open()).account("a")!, clock.now).state, "ready");
  await pool.flush();
  assert.equal(accounts.cooldownRows.size, 0);
});

test("a clock that is set back does not make a cooldown longer", async () => {
  const { clock, pool } = await setUp(["a"]);
  clock.monotonic = 0;
  await pool.failed(pool.account("a")!, { ...limit, until: start + hour }, billed);
  clock.now = start + 1000;
  const stateAfter = async (monotonic: number) => {
    clock.monotonic = monotonic;
    await pool.flush();
    return readStatus(pool.account("a")!, clock.now).state;
  };
  assert.equal(await stateAfter(hour - 1), "cooldown");
  assert.equal(await stateAfter(hour), "ready");
});

test("while the machine sleeps the time of day ends a cooldown", async () => {
  const { clock, pool } = await setUp(["a"]);
  clock.monotonic = 0;
  await pool.failed(pool.account("a")!, { ...limit, until: start + hour }, billed);
  clock.now = start + hour;
  assert.equal((await pool.choose(selection({ now: clock.now }))).kind, "use");
});

test("an account that a wrong clock used last in the future is not put behind all others", async () => {
  const { clock, pool } = await setUp();
  clock.now = start + day;
  await pool.choose(selection({ now: clock.now, tried: new Set(["b"]) }));
  clock.now = start;
  await pool.flush();
  const used = new Set<string>();
  for (let turn = 1; turn <= 4; turn++) {
    const choice = await pool.choose(selection({ now: start + turn }));
    if (choice.kind === "use") used.add(choice.account.config.id);
  }
  assert.deepEqual([...used].sort(), ["a", "b"]);
});

test("a login is forgotten by a time of day that has proved true, not by a clock that is ahead", async () => {
  const { accounts, clock, open } = await setUp([]);
  const config = accountConfig("own", { kind: accountKinds.client, secret: undefined });
  const pool = await open();
  await pool.configure(configOf([config]));
  await pool.choose(selection(), { family: "claude", hash: "7a8b" });
  const knownAfter = async (now: number, monotonic: number) => {
    Object.assign(clock, { now, monotonic });
    await pool.flush();
    return accounts.stateRows.size;
  };
  assert.equal(await knownAfter(start, 0), 1);
  assert.equal(await knownAfter(start + 730 * day, 1000), 1);
  assert.equal(await knownAfter(start + 2000, 2000), 1);
  assert.equal(await knownAfter(start + 7 * day, 7 * day), 1);
  assert.equal(await knownAfter(start + 9 * day, 9 * day), 0);
});
