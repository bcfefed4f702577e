// One request that several accounts refuse, and requests that cost nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Failure } from "../../src/domain/failure.ts";
import { selection, session, start } from "./fakes.ts";
import { fault, limit, readStatus, refused, setUp } from "./pool-setup.ts";

test("accounts that refuse one request alike are out for a minute, not for an hour, on disk too", async () => {
  const { accounts, clock, pool } = await setUp();
  const asked = new Map();
  for (const failure of [refused, { kind: "account-out", reason: "credit too low" } as const]) {
    const account = pool.accounts[asked.size]!;
    asked.set(
      account,
      await pool.failed(account, failure, { modelScope: "", sentAt: start, isBilled: true }),
    );
  }
  await pool.refusedByAll(asked, undefined);
  clock.now = start + 59_999;
  assert.equal((await pool.choose(selection({ now: clock.now }))).kind, "none");
  assert.equal((await pool.choose(selection({ now: start + 60_000 }))).kind, "use");
  assert.deepEqual(
    [...accounts.cooldownRows.values()].map(({ until }) => until - start),
    [60_000, 60_000],
  );
});

const notAlike: [string, (Failure | undefined)[]][] = [
  ["only one account was asked", [refused]],
  ["another account failed in another way", [refused, fault]],
  ["another account is at its limit", [refused, limit]],
  ["of two, one has a login that is gone", [refused, { kind: "login-revoked", reason: "gone" }]],
];
for (const [when, failures] of notAlike) {
  test(`a refused credential is out for the hour when ${when}`, async () => {
    const { pool } = await setUp();
    const asked = new Map();
    for (const [at, failure] of failures.entries()) {
      const account = pool.accounts[at]!;
      asked.set(
        account,
        failure && (await pool.failed(account, failure, { modelScope: "", sentAt: start, isBilled: true })),
      );
    }
    await pool.refusedByAll(asked, undefined);
    assert.equal(readStatus(pool.account("a")!, start).until, start + session.unavailableCooldownMs);
  });
}

test("what is free begins no cooldown and counts for none", async () => {
  const { pool } = await setUp();
  const a = pool.account("a")!;
  const free = { modelScope: "opus", sentAt: start, isBilled: false };
  for (const failure of [refused, limit, fault, fault, fault, fault]) {
    assert.equal(await pool.failed(a, failure, free), undefined);
  }
  assert.equal(await pool.failed(a, fault, { ...free, isBilled: true }), undefined);
  assert.equal(readStatus(a, start).state, "ready");
});

test("a good answer to what is free does not end a row of failures", async () => {
  const { pool } = await setUp();
  const a = pool.account("a")!;
  const billed = { modelScope: "opus", sentAt: start, isBilled: true };
  await pool.failed(a, fault, billed);
  await pool.failed(a, fault, billed);
  await pool.succeeded(a, { ...billed, isBilled: false });
  assert.equal((await pool.failed(a, fault, billed))?.kind, "server-error");
});
