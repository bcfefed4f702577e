// Truncated answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { accountConfig, selection, start } from "./fakes.ts";
import { billed, configOf, readStatus, setUp } from "./pool-setup.ts";

test("after one truncated answer an account ranks behind any other, until a whole one or for a minute", async () => {
  const { accounts, pool } = await setUp([]);
  await pool.configure(configOf([accountConfig("a", { priority: 900 }), accountConfig("b")]));
  const a = pool.account("a")!;
  const firstAt = async (now: number) => {
    const choice = await pool.choose(selection({ now, sticky: "a" }));
    return choice.kind === "use" ? choice.account.config.id : choice.kind;
  };
  assert.equal(await firstAt(start), "a");
  await pool.ended(a, { isTruncated: true, beganAt: start });
  assert.equal(await firstAt(start), "b");
  const remark = { reason: "used last: its last answer was truncated", until: start + 60_000 };
  assert.deepEqual(readStatus(a, start), { state: "ready", ...remark, remarks: [remark] });
  assert.equal(await firstAt(start + 60_000), "a");
  await pool.flush();
  assert.equal(accounts.stateRows.get("a")?.truncatedAt, start, "accounts list can show it");
  await pool.ended(a, { isTruncated: false, beganAt: start });
  assert.equal(await firstAt(start), "a");
});

test("three truncated answers in a row are a cooldown, like other faults, and good beginnings do not end the row", async () => {
  const { clock, pool } = await setUp(["a"]);
  const a = pool.account("a")!;
  for (let turn = 1; turn <= 3; turn++) {
    clock.now = start + turn * 1000;
    await pool.succeeded(a, { ...billed, sentAt: clock.now - 500 });
    assert.equal(readStatus(a, clock.now).state, "ready");
    await pool.ended(a, { isTruncated: true, beganAt: clock.now - 400 });
  }
  assert.equal(readStatus(a, clock.now).state, "cooldown");
});

test("answers that are truncated together are one fault", async () => {
  const { clock, pool } = await setUp(["a"]);
  const a = pool.account("a")!;
  clock.now = start + 1000;
  for (let answer = 0; answer < 10; answer++)
    await pool.ended(a, { isTruncated: true, beganAt: start + answer });
  assert.equal(readStatus(a, clock.now).state, "ready");
});
