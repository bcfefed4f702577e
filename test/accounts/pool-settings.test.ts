// What a new configuration, and a person or another process beside the relay, change in a running pool.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Account } from "../../src/accounts/account.ts";
import { createPool, type Pool, type PoolConfig } from "../../src/accounts/pool.ts";
import type { AccountConfig } from "../../src/config/config.ts";
import type { Failure } from "../../src/domain/failure.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { accountConfig, session, start } from "./fakes.ts";
import { billed, configOf, fault, hour, limit, readStatus, setUp, stopped } from "./pool-setup.ts";

test("a new configuration keeps what was learned, drops the sessions of disabled accounts, and finds those of one that comes back", async () => {
  const { bindings, pool } = await setUp(["a", "b", "c"]);
  for (const id of ["a", "b", "c"]) {
    await bindings.bind({
      kind: "session",
      key: id,
      accountId: id,
      now: start,
      ttlMs: 1000,
      renewalThresholdMs: 100,
    });
  }
  await pool.failed(pool.account("a")!, limit, { modelScope: "", sentAt: start, isBilled: true });
  await pool.configure(configOf([accountConfig("a"), accountConfig("b", { enabled: false })]));
  assert.deepEqual(
    pool.accounts.map((one) => readStatus(one, start).state),
    ["cooldown", "disabled"],
  );
  assert.ok(await bindings.find("session", "a", start));
  assert.equal(await bindings.find("session", "b", start), undefined);
  await pool.configure(configOf([accountConfig("a"), accountConfig("c")]));
  assert.equal((await bindings.find("session", "c", start))?.accountId, "c");
});

test("a session that moves while a new configuration is being taken stays where it went", async () => {
  const { bindings, pool } = await setUp();
  const bind = (accountId: string) => {
    const times = { now: start, ttlMs: 1000, renewalThresholdMs: 100 };
    return bindings.bind({ kind: "session", key: "one", accountId, ...times });
  };
  await bind("a");
  const taken = pool.configure(configOf([accountConfig("a", { enabled: false }), accountConfig("b")]));
  // From here on a request finds "a" disabled, and its session is bound to "b".
  await bind("b");
  await taken;
  assert.equal((await bindings.find("session", "one", start))?.accountId, "b");
});

test("a new secret ends the cooldowns of the old one, refused or at its limit, and no other account's", async () => {
  const { pool } = await setUp(["a", "b", "c"]);
  await pool.failed(pool.account("c")!, limit, { modelScope: "", sentAt: start, isBilled: true });
  await pool.failed(
    pool.account("a")!,
    { kind: "unauthorized", reason: "invalid x-api-key" },
    { modelScope: "", sentAt: start, isBilled: true },
  );
  await pool.failed(pool.account("b")!, limit, { modelScope: "", sentAt: start, isBilled: true });
  await pool.configure(
    configOf([
      accountConfig("a", { secret: "new" }),
      accountConfig("b", { secret: "new" }),
      accountConfig("c"),
    ]),
  );
  assert.deepEqual(
    pool.accounts.map((one) => readStatus(one, start).state),
    ["ready", "ready", "cooldown"],
  );
});

test("what is fixed in the configuration ends the cooldown that it led to, while the relay runs and while it does not", async () => {
  const dead = { type: "socks5", host: "127.0.0.1", port: 1 } as const;
  const login = { kind: accountKinds["claude-oauth"], type: "claude-oauth" };
  const refused: Failure = { kind: "unauthorized", reason: "the login is gone" };
  const out: Failure = { kind: "account-out", reason: "Google wants a project of your own" };
  const broken: Failure = { kind: "proxy", cause: new Error("the socks5 proxy refused the connection") };
  const cases: [failure: Failure, before: Partial<AccountConfig>, fixed: Partial<PoolConfig>][] = [
    [refused, login, { accounts: [accountConfig("a", { ...login, secret: "new" })] }],
    [refused, login, { oauth: { claude: { tokenUrl: "https://new.example/token" }, gemini: {} } }],
    [refused, {}, { accounts: [accountConfig("a", { apiUrl: "https://new.example" })] }],
    [out, {}, { accounts: [accountConfig("a", { extras: { project: "my-project-1" } })] }],
    [broken, { proxy: dead }, { accounts: [accountConfig("a", { proxy: { ...dead, port: 1080 } })] }],
    [broken, { proxy: dead }, { accounts: [accountConfig("a")] }],
    [broken, {}, { environmentProxy: { httpsProxy: "http://proxy.example:3128" } }],
  ];
  for (const [failure, before, fixed] of cases) {
    for (const way of ["reload", "restart"]) {
      const { accounts, bindings } = await setUp([]);
      const open = (config: PoolConfig) => createPool({ config, store: accounts, bindings, clock: stopped });
      const config = configOf([accountConfig("a", before)]);
      const pool = await open(config);
      await pool.failed(pool.account("a")!, failure, { modelScope: "", sentAt: start, isBilled: true });
      await pool.configure({ ...config, session: { ...session, holdMs: 1 } });
      assert.equal(readStatus(pool.account("a")!, start).until !== undefined, true, "nothing was fixed yet");

      const next = { ...config, ...fixed };
      if (way === "reload") await pool.configure(next);
      const { state } = readStatus((way === "reload" ? pool : await open(next)).account("a")!, start);
      assert.equal(state, "ready", `${way}: ${JSON.stringify(fixed)}`);
      assert.equal(accounts.cooldownRows.size, 0);
    }
  }
});

test("a cooldown that begins while one that was fixed is taken out of the store stays", async () => {
  const { accounts, pool } = await setUp();
  const sent = { modelScope: "", sentAt: start, isBilled: true };
  await pool.failed(pool.account("a")!, { kind: "unauthorized", reason: "invalid x-api-key" }, sent);
  const clear = accounts.clearCooldowns;
  accounts.clearCooldowns = async (...rest) => {
    accounts.clearCooldowns = clear;
    await pool.failed(pool.account("b")!, limit, sent);
    await clear(...rest);
  };
  await pool.configure(configOf([accountConfig("a", { secret: "new" }), accountConfig("b")]));
  assert.deepEqual(
    pool.accounts.map((one) => readStatus(one, start).state),
    ["ready", "cooldown"],
  );
});

test("a cooldown that another process ended takes what led to it along", async () => {
  const { accounts, pool } = await setUp();
  const a = pool.account("a")!;
  const b = pool.account("b")!;
  for (const account of [a, b]) {
    pool.learn(account, [{ name: "5h", utilization: 1, resetsAt: start + 7_200_000, status: "rejected" }]);
    await pool.failed(account, limit, { modelScope: "opus", sentAt: start, isBilled: true });
  }
  await accounts.clearCooldowns("a");
  await pool.refresh();
  assert.equal(readStatus(a, start).state, "ready");
  assert.deepEqual([a.windows.size, a.streaks.size], [0, 0]);
  assert.deepEqual([b.windows.size, b.streaks.size], [1, 1]);
  await pool.flush();
  assert.deepEqual(accounts.stateRows.get("a")?.windows, []);
});

test("a cooldown that is over leaves the windows alone", async () => {
  const { clock, accounts, pool } = await setUp();
  const a = pool.account("a")!;
  pool.learn(a, [{ name: "7d", utilization: 0.5, resetsAt: start + 86_400_000, status: "allowed" }]);
  await pool.failed(a, limit, { modelScope: "opus", sentAt: start, isBilled: true });
  clock.now = start + 7_200_000;
  await accounts.clearCooldowns("a");
  await pool.refresh();
  assert.equal(a.windows.size, 1);
});

/** Everything that can be known against an account. */
async function learnAll(pool: Pool): Promise<void> {
  const a = pool.account("a")!;
  pool.learn(a, [{ name: "5h", utilization: 1, resetsAt: start + hour, status: "rejected" }]);
  await pool.failed(a, fault, billed);
  await pool.ended(a, { isTruncated: true, beganAt: start });
  await pool.failed(a, limit, billed);
  await pool.failed(a, { kind: "model-denied", reason: "no" }, billed);
  await pool.flush();
}

function assertForgotten({ cooldowns, windows, streaks, truncations }: Account): void {
  assert.deepEqual([cooldowns.size, windows.size, streaks.size, truncations.count], [0, 0, 0, 0]);
}

test("`accounts enable` beside a running relay has everything forgotten, the login's back-off too", async () => {
  for (const cooldownsToo of [true, false]) {
    const { accounts, forgotten, pool } = await setUp();
    await learnAll(pool);
    if (!cooldownsToo) {
      for (const scope of ["", "opus"]) await accounts.clearCooldowns("a", scope);
      await pool.refresh();
      await pool.ended(pool.account("a")!, { isTruncated: true, beganAt: start });
    }
    await accounts.forgetLearned("a", start + 1);
    await pool.refresh();
    assertForgotten(pool.account("a")!);
    assert.deepEqual(forgotten, ["a"]);
    await pool.refresh();
    assert.deepEqual(forgotten, ["a"], "once");
  }
});

test("another secret has everything forgotten, limits and windows too, at a reload and at a restart", async () => {
  const { accounts, bindings, pool, forgotten } = await setUp();
  await learnAll(pool);
  const next = configOf([accountConfig("a", { secret: "new" }), accountConfig("b")]);
  const restarted = await createPool({ config: next, store: accounts, bindings, clock: stopped });
  assertForgotten(restarted.account("a")!);
  await learnAll(pool);
  await pool.configure(next);
  assertForgotten(pool.account("a")!);
  assert.deepEqual(forgotten, ["a"]);
});

test("an account that is enabled again in the file is as on its first day, one that stays is not", async () => {
  const { pool } = await setUp();
  await learnAll(pool);
  await pool.configure(configOf([accountConfig("a"), accountConfig("b")]));
  assert.equal(readStatus(pool.account("a")!, start).state, "cooldown");
  await pool.configure(configOf([accountConfig("a", { enabled: false }), accountConfig("b")]));
  await pool.configure(configOf([accountConfig("a"), accountConfig("b")]));
  assertForgotten(pool.account("a")!);
});

test("what another process changed of one account is read of that one alone", async () => {
  const { accounts, pool } = await setUp();
  const [a, b] = [pool.account("a")!, pool.account("b")!];
  for (const account of [a, b]) await pool.failed(account, limit, billed);
  accounts.cooldownRows.clear();
  await pool.refresh(new Set(["a"]));
  assert.deepEqual([readStatus(a, start).state, readStatus(b, start).state], ["ready", "cooldown"]);
  await pool.refresh();
  assert.equal(readStatus(b, start).state, "ready");
});
