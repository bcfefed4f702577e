import assert from "node:assert/strict";
import { test } from "node:test";
import type { Account } from "../../src/accounts/account.ts";
import { createBindings } from "../../src/accounts/bindings.ts";
import { createPool, type Pool, type PoolConfig } from "../../src/accounts/pool.ts";
import { readStatus as readStatusAt } from "../../src/accounts/state.ts";
import type { AccountConfig } from "../../src/config/config.ts";
import type { Failure } from "../../src/domain/failure.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { accountConfig, memoryAccountStore, memoryBindingStore, selection, session, start } from "./fakes.ts";

const readStatus = (account: Account, now: number) => readStatusAt(account, { ...session, now });

async function setUp(ids = ["a", "b"]) {
  const clock: { now: number; monotonic?: number } = { now: start };
  const forgotten: string[] = [];
  const accounts = memoryAccountStore();
  const bindings = await createBindings(memoryBindingStore(), start);
  const open = (): Promise<Pool> =>
    createPool({
      config: configOf(ids.map((id) => accountConfig(id))),
      store: accounts,
      bindings,
      clock: { now: () => clock.now, monotonic: () => clock.monotonic ?? clock.now },
      onForgotten: (id) => void forgotten.push(id),
    });
  return { clock, accounts, bindings, forgotten, open, pool: await open() };
}

function configOf(accounts: AccountConfig[], more: Partial<PoolConfig> = {}): PoolConfig {
  return { accounts, session, oauth: { claude: {}, gemini: {} }, environmentProxy: undefined, ...more };
}

const stopped = { now: () => start, monotonic: () => start };

const limit: Failure = {
  kind: "rate-limited",
  scope: "account",
  until: start + 7_200_000,
  reason: "5h window is used up",
};
const fault: Failure = { kind: "server-error", status: 500, reason: "internal" };

test("a cooldown survives a restart and ends by itself", async () => {
  const { clock, open, pool } = await setUp();
  await pool.failed(pool.account("a")!, limit, { modelScope: "opus", sentAt: start, isBilled: true });
  const restarted = await open();
  const a = restarted.account("a")!;
  assert.deepEqual(readStatus(a, clock.now), {
    state: "cooldown",
    reason: "5h window is used up",
    until: start + 7_200_000,
  });
  assert.equal(readStatus(a, start + 7_200_000).state, "ready");
});

test("the account's key is no part of a cooldown's reason, whatever the provider echoes", async () => {
  const { accounts, pool } = await setUp();
  const secret = "own-key-of-a-host-without-a-form";
  await pool.configure(configOf([accountConfig("a", { secret })]));
  const refused: Failure = { kind: "unauthorized", reason: `invalid key ${secret} was given` };
  await pool.failed(pool.account("a")!, refused, { modelScope: "", sentAt: start, isBilled: true });
  const [row] = accounts.cooldownRows.values();
  assert.match(row!.reason, /^invalid key .+ was given$/);
  assert.ok(!row!.reason.includes(secret), row!.reason);
});

test("a good answer ends a cooldown that was tested, on disk too", async () => {
  const { accounts, pool } = await setUp();
  const a = pool.account("a")!;
  await pool.failed(a, limit, { modelScope: "opus", sentAt: start, isBilled: true });
  await pool.succeeded(a, { modelScope: "opus", sentAt: start, isBilled: true });
  assert.equal(accounts.cooldownRows.size, 0);
  assert.equal(readStatus(a, start).state, "ready");
});

test("a good answer to what is free says nothing about a limit", async () => {
  const { accounts, pool } = await setUp();
  const a = pool.account("a")!;
  await pool.failed(a, limit, { modelScope: "opus", sentAt: start, isBilled: true });
  await pool.succeeded(a, { modelScope: "opus", sentAt: start, isBilled: false });
  assert.equal(accounts.cooldownRows.size, 1);
  assert.equal(readStatus(a, start).state, "cooldown");
});

test("a good answer to a request that was sent before the limit was reached does not end the cooldown", async () => {
  const { accounts, clock, pool } = await setUp();
  const a = pool.account("a")!;
  clock.now = start + 100;
  await pool.failed(a, { ...limit, scope: "model" } as Failure, {
    modelScope: "opus",
    sentAt: start,
    isBilled: true,
  });
  await pool.failed(a, limit, { modelScope: "opus", sentAt: start, isBilled: true });
  await pool.succeeded(a, { modelScope: "opus", sentAt: start + 99, isBilled: true });
  assert.deepEqual([...a.cooldowns.keys()], ["opus", ""]);
  assert.equal(accounts.cooldownRows.size, 2);
});

test("a test under way is not forgotten when another process writes to the store", async () => {
  const { pool } = await setUp(["a"]);
  await pool.failed(
    pool.account("a")!,
    { ...limit, until: start + 36_000_000 },
    { modelScope: "", sentAt: start, isBilled: true },
  );
  const now = start + 3_600_000;
  assert.equal((await pool.choose(selection({ now }))).kind, "use");
  await pool.refresh();
  assert.equal((await pool.choose(selection({ now: now + 1 }))).kind, "none");
});

test("a cooldown that begins while the store is read stays", async () => {
  const { accounts, pool } = await setUp();
  const read = accounts.cooldowns;
  accounts.cooldowns = async () => {
    const rows = await read();
    accounts.cooldowns = read;
    await pool.failed(pool.account("a")!, limit, { modelScope: "", sentAt: start, isBilled: true });
    return rows;
  };
  await pool.refresh();
  assert.equal(readStatus(pool.account("a")!, start).state, "cooldown");
});

test("a probed cooldown that goes on keeps its beginning, so that it is probed again an hour later", async () => {
  const { clock, pool } = await setUp(["a"]);
  const a = pool.account("a")!;
  await pool.failed(
    a,
    { ...limit, until: start + 36_000_000 },
    { modelScope: "", sentAt: start, isBilled: true },
  );
  clock.now = start + 3_600_000;
  assert.equal((await pool.choose(selection({ now: clock.now }))).kind, "use");
  await pool.failed(
    a,
    { ...limit, until: start + 36_000_000 },
    { modelScope: "", sentAt: start, isBilled: true },
  );
  assert.equal((await pool.choose(selection({ now: clock.now + 3_599_999 }))).kind, "none");
  assert.equal((await pool.choose(selection({ now: clock.now + 3_600_000 }))).kind, "use");
});

test("of the reasons that requests under way bring at once, the one that ends last counts", async () => {
  const { clock, pool } = await setUp();
  const a = pool.account("a")!;
  const inFlight = { modelScope: "", sentAt: start, isBilled: true };
  clock.now = start + 1000;
  const until = (await pool.failed(a, limit, inFlight))!.until;
  const guessed: Failure = { kind: "rate-limited", scope: "account", reason: "429" };
  const refused = { kind: "proxy", cause: new Error("refused") } as const;
  for (const later of [guessed, { ...limit, until: start + 60_000 }, refused, fault, fault, fault]) {
    const cooldown = await pool.failed(a, later, inFlight);
    if (cooldown) assert.equal(cooldown.until, until);
  }
  assert.deepEqual([a.cooldowns.get("")?.until, a.cooldowns.get("")?.kind], [until, "rate-limited"]);
  const longer = await pool.failed(a, { ...limit, until: until + 1 }, inFlight);
  assert.equal(longer?.until, until + 1);
});

test("a provider that was asked again and says an earlier end is believed, our own guess is not", async () => {
  const { clock, pool } = await setUp();
  const a = pool.account("a")!;
  await pool.failed(
    a,
    { ...limit, until: start + 36_000_000 },
    { modelScope: "", sentAt: start, isBilled: true },
  );
  clock.now = start + 3_600_000;
  const asked = { modelScope: "", sentAt: clock.now, isBilled: true };
  const guess = await pool.failed(a, { kind: "rate-limited", scope: "account", reason: "429" }, asked);
  assert.equal(guess?.until, start + 36_000_000);
  const told = await pool.failed(a, { ...limit, until: clock.now + 60_000 }, asked);
  assert.equal(told?.until, clock.now + 60_000);
  const dead = await pool.failed(a, { kind: "unauthorized", reason: "revoked" }, asked);
  assert.equal(dead?.kind, "unauthorized");
});

test("cooldowns that are over are let go of, so that no number of models adds up", async () => {
  const { accounts, clock, pool } = await setUp();
  const a = pool.account("a")!;
  for (let model = 0; model < 100; model++) {
    await pool.failed(
      a,
      { kind: "capacity", reason: "full" },
      { modelScope: `m${model}`, sentAt: start, isBilled: true },
    );
  }
  assert.equal(accounts.cooldownRows.size, 100);
  clock.now = start + 61_000;
  await pool.flush();
  assert.deepEqual([accounts.cooldownRows.size, a.cooldowns.size], [0, 0]);
});

test("three faults in a row cooldown the account, and a good answer between them does not let it come to that", async () => {
  const { pool } = await setUp();
  const a = pool.account("a")!;
  assert.equal(await pool.failed(a, fault, { modelScope: "", sentAt: start, isBilled: true }), undefined);
  assert.equal(await pool.failed(a, fault, { modelScope: "", sentAt: start, isBilled: true }), undefined);
  await pool.succeeded(a, { modelScope: "", sentAt: start, isBilled: true });
  assert.equal(await pool.failed(a, fault, { modelScope: "", sentAt: start, isBilled: true }), undefined);
  assert.equal(await pool.failed(a, fault, { modelScope: "", sentAt: start, isBilled: true }), undefined);
  assert.equal(
    (await pool.failed(a, fault, { modelScope: "", sentAt: start, isBilled: true }))?.until,
    start + 10_000,
  );
});

test("many sessions that fails together makes the next cooldown no longer than one failure would", async () => {
  const { pool } = await setUp();
  const a = pool.account("a")!;
  const capacity: Failure = { kind: "capacity", reason: "overloaded" };
  for (let i = 0; i < 50; i++)
    await pool.failed(a, capacity, { modelScope: "opus", sentAt: start, isBilled: true });
  assert.equal(a.cooldowns.get("opus")!.until, start + 2000);
});

test("a refused credential is needs-login, and the account's sessions move on", async () => {
  const { bindings, pool } = await setUp();
  await bindings.bind({
    kind: "session",
    key: "s",
    accountId: "a",
    now: start,
    ttlMs: 1000,
    renewalThresholdMs: 100,
  });
  await pool.failed(
    pool.account("a")!,
    { kind: "unauthorized", reason: "invalid x-api-key" },
    { modelScope: "", sentAt: start, isBilled: true },
  );
  assert.equal(readStatus(pool.account("a")!, start).state, "needs-login");
  assert.equal(await bindings.find("session", "s", start), undefined);
});

test("what another process changes in the store is taken over", async () => {
  const { accounts, pool } = await setUp();
  await pool.failed(pool.account("a")!, limit, { modelScope: "", sentAt: start, isBilled: true });
  await accounts.clearCooldowns("a");
  await pool.refresh();
  assert.equal(readStatus(pool.account("a")!, start).state, "ready");
});

test("windows and last use are written lazily, and read at the next start", async () => {
  const { accounts, open, pool } = await setUp();
  pool.learn(pool.account("a")!, [{ name: "5h", utilization: 0.42, resetsAt: start + 1, status: "allowed" }]);
  await pool.choose(selection({ sticky: "a" }));
  assert.equal(accounts.stateRows.size, 0);
  await pool.flush();
  const a = (await open()).account("a")!;
  assert.equal(a.windows.get("5h")?.utilization, 0.42);
  assert.equal(a.lastUsedAt, start);
});

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
    [out, {}, { accounts: [accountConfig("a", { project: "my-project-1" })] }],
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

const refused: Failure = { kind: "unauthorized", reason: "invalid x-api-key" };

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
  await pool.refusedByAll(asked);
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
    await pool.refusedByAll(asked);
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

const hour = 3_600_000;
const day = 24 * hour;
const billed = { modelScope: "opus", sentAt: start, isBilled: true };

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
  for (clock.monotonic of [hour - 1, hour]) await pool.flush();
  assert.equal(readStatus(pool.account("a")!, clock.now).state, "ready");
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

test("however many models a client invents, an account has a hundred cooldowns at most", async () => {
  const { accounts, pool } = await setUp(["a"]);
  const a = pool.account("a")!;
  for (let model = 0; model < 300; model++) {
    await pool.failed(a, { kind: "model-denied", reason: "no" }, { ...billed, modelScope: `m${model}` });
    await pool.failed(a, { kind: "capacity", reason: "full" }, { ...billed, modelScope: `m${model}` });
  }
  assert.deepEqual([a.cooldowns.size, accounts.cooldownRows.size], [100, 100]);
  assert.ok(a.streaks.size <= 200);
});

test("after one truncated answer an account ranks behind any other, until a whole one or for a minute", async () => {
  const { clock, accounts, open, pool } = await setUp([]);
  await pool.configure(configOf([accountConfig("a", { priority: 900 }), accountConfig("b")]));
  const a = pool.account("a")!;
  const firstAt = async (now: number) => {
    const choice = await pool.choose(selection({ now, sticky: "a" }));
    return choice.kind === "use" ? choice.account.config.id : choice.kind;
  };
  assert.equal(await firstAt(start), "a");
  await pool.ended(a, { isTruncated: true, beganAt: start });
  assert.equal(await firstAt(start), "b");
  assert.deepEqual(readStatus(a, start), {
    state: "ready",
    reason: "used last: its last answer was truncated",
    until: start + 60_000,
  });
  assert.equal(await firstAt(start + 60_000), "a");
  await pool.flush();
  assert.equal(accounts.stateRows.get("a")?.truncatedAt, start, "accounts list can show it");
  await pool.ended(a, { isTruncated: false, beganAt: start });
  assert.equal(await firstAt(start), "a");
  clock.now = start + 1;
  assert.ok(await open());
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

test("a test counts as used when it is sent, on disk too, and not before", async () => {
  const { accounts, clock, pool } = await setUp(["a"]);
  const a = pool.account("a")!;
  await pool.failed(a, { ...limit, until: start + 10 * hour }, billed);
  clock.now = start + hour;
  const chosen = () => pool.choose(selection({ now: clock.now }));
  const first = await chosen();
  assert.equal(first.kind, "use");
  assert.equal((await chosen()).kind, "none", "one at a time");
  pool.probeDropped((first.kind === "use" && first.probe) || assert.fail());
  const second = await chosen();
  await pool.probeSent(a, (second.kind === "use" && second.probe) || assert.fail());
  assert.equal((await chosen()).kind, "none");
  assert.equal([...accounts.cooldownRows.values()][0]?.probedAt, clock.now);
});

test("what ranks an account lower is said with its reason and its end", async () => {
  const { pool } = await setUp(["a"]);
  const a = pool.account("a")!;
  pool.learn(a, [{ name: "5h", utilization: 0.987, resetsAt: start + hour, status: "allowed_warning" }]);
  assert.deepEqual(readStatus(a, start), {
    state: "ready",
    reason: "used last: the window 5h is at 98 %",
    until: start + hour,
  });
});
