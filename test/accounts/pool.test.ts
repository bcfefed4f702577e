import assert from "node:assert/strict";
import { test } from "node:test";
import type { Failure } from "../../src/domain/failure.ts";
import { accountConfig, selection, start } from "./fakes.ts";
import { billed, configOf, fault, hour, limit, readStatus, setUp } from "./pool-setup.ts";

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

test("a good answer ends a cooldown that was probed, on disk too", async () => {
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

test("a probe under way is not forgotten when another process writes to the store", async () => {
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

test("three faults in a row put the account in cooldown, and a good answer between them does not let it come to that", async () => {
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

test("many sessions that fail together make the next cooldown no longer than one failure would", async () => {
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

test("a probe counts as used when it is sent, on disk too, and not before", async () => {
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

test("the full stop of a provider's sentence is left out where its end follows", async () => {
  const { pool } = await setUp(["a"]);
  const a = pool.account("a")!;
  const denied = { ...limit, reason: "Out of quota.", scope: "model", until: start + hour } as const;
  await pool.failed(a, denied, { modelScope: "opus", sentAt: start, isBilled: true });
  await pool.failed(a, denied, { modelScope: "haiku", sentAt: start, isBilled: true });
  assert.equal(
    readStatus(a, start).reason,
    "opus is in cooldown: Out of quota, until 2026-11-22T13:00:00Z; haiku is in cooldown: Out of quota, until 2026-11-22T13:00:00Z",
  );
});

test("what ranks an account lower is said with its reason and its end, all of it", async () => {
  const { pool } = await setUp(["a"]);
  const a = pool.account("a")!;
  pool.learn(a, [{ name: "5h", utilization: 0.987, resetsAt: start + hour, status: "allowed_warning" }]);
  const full = { reason: "used last: the window 5h is at 98 %", until: start + hour };
  assert.deepEqual(readStatus(a, start), { state: "ready", ...full, remarks: [full] });

  pool.learn(a, [{ name: "overage", utilization: undefined, resetsAt: undefined, status: "in-use" }]);
  await pool.ended(a, { isTruncated: true, beganAt: start });
  for (const [modelScope, ms] of [
    ["opus", 2 * hour],
    ["haiku", hour],
  ] as const) {
    const denied = { ...limit, scope: "model", until: start + ms } as const;
    await pool.failed(a, denied, { modelScope, sentAt: start, isBilled: true });
  }
  const { reason } = limit;
  assert.deepEqual(readStatus(a, start), {
    state: "ready",
    reason: [
      `haiku is in cooldown: ${reason}, until 2026-11-22T13:00:00Z`,
      `opus is in cooldown: ${reason}, until 2026-11-22T14:00:00Z`,
      "used last: its last answer was truncated, until 2026-11-22T12:01:00Z",
      "used last: the window 5h is at 98 %, until 2026-11-22T13:00:00Z",
      "used last: the window overage is in use",
    ].join("; "),
    until: start + 60_000,
    remarks: [
      { reason: `haiku is in cooldown: ${reason}`, until: start + hour },
      { reason: `opus is in cooldown: ${reason}`, until: start + 2 * hour },
      { reason: "used last: its last answer was truncated", until: start + 60_000 },
      full,
      { reason: "used last: the window overage is in use", until: undefined },
    ],
  });
});

test("of many models in cooldown some are named, and the others counted", async () => {
  const { pool } = await setUp(["a"]);
  const a = pool.account("a")!;
  for (let model = 10; model < 40; model++) {
    const denied = { ...limit, scope: "model", until: start + model * 1000 } as const;
    await pool.failed(a, denied, { modelScope: `m${model}`, sentAt: start, isBilled: true });
  }
  const { remarks = [] } = readStatus(a, start);
  assert.equal(remarks.length, 9);
  assert.match(remarks[7]!.reason, /^m17 is in cooldown/);
  assert.deepEqual(remarks[8], { reason: "22 more models are in cooldown", until: start + 18_000 });
});
