import assert from "node:assert/strict";
import { test } from "node:test";
import type { Account, Cooldown } from "../../src/accounts/account.ts";
import { type Choice, selectAccount } from "../../src/accounts/select.ts";
import { account, selection, start } from "./fakes.ts";

function cooldown(one: Account, untilMs: number, overrides: Partial<Cooldown> = {}): Account {
  const next: Cooldown = {
    scope: "",
    since: start,
    until: start + untilMs,
    kind: "rate-limited",
    reason: "5h limit",
    settings: undefined,
    probedAt: start,
    ...overrides,
  };
  one.cooldowns.set(next.scope, next);
  return one;
}

function full(one: Account, utilization: number, resetsInMs = 60_000): Account {
  one.windows.set("5h", { name: "5h", utilization, resetsAt: start + resetsInMs, status: "allowed" });
  return one;
}

function shown(choice: Choice): string {
  if (choice.kind === "none") return `none of ${choice.candidates.map((one) => one.config.id).join(",")}`;
  return `${choice.kind} ${choice.account.config.id}`;
}

test("the higher priority is tried first", () => {
  const accounts = [account("a"), account("b", { priority: 200 })];
  assert.equal(shown(selectAccount(accounts, selection())), "use b");
});

test("ties go to the least recently used", () => {
  const accounts = [account("a"), account("b"), account("c")];
  accounts[0]!.lastUsedAt = start - 1;
  accounts[1]!.lastUsedAt = start - 3;
  accounts[2]!.lastUsedAt = start - 2;
  assert.equal(shown(selectAccount(accounts, selection())), "use b");
});

test("an account in cooldown is skipped until its cooldown ends", () => {
  const accounts = [cooldown(account("a", { priority: 200 }), 60_000), account("b")];
  assert.equal(shown(selectAccount(accounts, selection())), "use b");
  assert.equal(shown(selectAccount(accounts, selection({ now: start + 60_000 }))), "use a");
});

test("a rest of one model family leaves the others", () => {
  const accounts = [cooldown(account("a", { priority: 200 }), 60_000, { scope: "opus" }), account("b")];
  assert.equal(shown(selectAccount(accounts, selection())), "use b");
  assert.equal(
    shown(selectAccount(accounts, selection({ model: "claude-haiku-5-5", modelScope: "haiku" }))),
    "use a",
  );
});

test("disabled accounts, other models and accounts that cannot serve are never chosen", () => {
  const accounts = [
    account("off", { enabled: false }),
    account("haiku", { models: ["*haiku*"] }),
    account("no"),
  ];
  const choice = selectAccount(accounts, selection({ canServe: (one) => one.config.id !== "no" }));
  assert.equal(shown(choice), "none of ");
});

test("an account whose window is full ranks behind one with room, and is used when none has room", () => {
  const accounts = [full(account("a", { priority: 200 }), 0.98), account("b")];
  assert.equal(shown(selectAccount(accounts, selection())), "use b");
  assert.equal(shown(selectAccount(accounts, selection({ tried: new Set(["b"]) }))), "use a");
  assert.equal(
    shown(selectAccount(accounts, selection({ now: start + 60_000 }))),
    "use a",
    "its window has reset",
  );
});

test("an account whose answers keep breaking off ranks behind one whose answers do not, for a while and if there is one", () => {
  const cut = account("a", { priority: 200 });
  cut.truncations = { count: 3, at: start };
  const accounts = [cut, account("b")];
  assert.equal(shown(selectAccount(accounts, selection())), "use b");
  assert.equal(shown(selectAccount(accounts, selection({ sticky: "a" }))), "use b");
  assert.equal(shown(selectAccount(accounts, selection({ required: "a" }))), "use a");
  assert.equal(shown(selectAccount([cut], selection({ sticky: "a" }))), "use a");
  cooldown(accounts[1]!, 60_000);
  assert.equal(shown(selectAccount(accounts, selection({ sticky: "a" }))), "use a");
  accounts[1]!.cooldowns.clear();
  assert.equal(shown(selectAccount(accounts, selection({ sticky: "a", now: start + 300_000 }))), "use a");
});

test("paid overage in use counts as no room", () => {
  const paying = account("a", { priority: 200 });
  paying.windows.set("overage", {
    name: "overage",
    utilization: undefined,
    resetsAt: undefined,
    status: "in-use",
  });
  assert.equal(shown(selectAccount([paying, account("b")], selection())), "use b");
});

test("a session stays at sticky against priority and order", () => {
  const accounts = [account("a", { priority: 200 }), account("b")];
  assert.equal(shown(selectAccount(accounts, selection({ sticky: "b" }))), "use b");
});

test("a session whose sticky cooldowns is served on its fallback, and comes sticky after", () => {
  const accounts = [
    cooldown(account("sticky", { priority: 300 }), 60_000),
    account("other", { priority: 200 }),
    account("fallback"),
  ];
  const bound = { sticky: "sticky", fallback: "fallback" };
  assert.equal(shown(selectAccount(accounts, selection(bound))), "use fallback");
  assert.equal(shown(selectAccount(accounts, selection({ ...bound, now: start + 60_001 }))), "use sticky");
});

test("the account whose answer is continued comes before the session's, and is left for the same reasons", () => {
  const accounts = [account("sticky", { priority: 300 }), account("fallback"), account("holder")];
  const bound = { sticky: "sticky", fallback: "fallback", holder: "holder" };
  const holder = accounts[2]!;
  assert.equal(shown(selectAccount(accounts, selection(bound))), "use holder");
  assert.equal(shown(selectAccount(accounts, selection({ ...bound, required: "fallback" }))), "use fallback");
  cooldown(holder, 5000);
  assert.equal(shown(selectAccount(accounts, selection(bound))), "wait holder");
  cooldown(holder, 5001);
  assert.equal(shown(selectAccount(accounts, selection(bound))), "use sticky");
  holder.cooldowns.clear();
  full(holder, 1);
  assert.equal(shown(selectAccount(accounts, selection(bound))), "use sticky");
  assert.equal(shown(selectAccount([holder], selection(bound))), "use holder");
  assert.equal(shown(selectAccount(accounts.slice(0, 2), selection(bound))), "use sticky");
});

test("a session leaves a full window for an account with room, but not for another full one", () => {
  const sticky = full(account("sticky"), 1.02);
  assert.equal(shown(selectAccount([sticky, account("b")], selection({ sticky: "sticky" }))), "use b");
  assert.equal(
    shown(selectAccount([sticky, full(account("b"), 1)], selection({ sticky: "sticky" }))),
    "use sticky",
  );
});

test("a short cooldown at sticky is waited out, a longer one is not, and neither is a refused credential", () => {
  const other = account("b");
  assert.equal(
    shown(selectAccount([cooldown(account("sticky"), 5000), other], selection({ sticky: "sticky" }))),
    "wait sticky",
  );
  assert.equal(
    shown(selectAccount([cooldown(account("sticky"), 5001), other], selection({ sticky: "sticky" }))),
    "use b",
  );
  const refused = cooldown(account("sticky"), 4000, { kind: "unauthorized" });
  assert.equal(shown(selectAccount([refused, other], selection({ sticky: "sticky" }))), "use b");
  const waited = selection({ sticky: "sticky", maxWaitMs: 0 });
  assert.equal(shown(selectAccount([cooldown(account("sticky"), 5000), other], waited)), "use b");
});

test("a request that is required to an account goes nowhere else", () => {
  const accounts = [cooldown(account("a"), 60_000), account("b")];
  assert.equal(shown(selectAccount(accounts, selection({ required: "a" }))), "none of a");
  assert.equal(shown(selectAccount(accounts, selection({ required: "b", sticky: "a" }))), "use b");
});

test("a named account serves even while it is in cooldown, and no other does", () => {
  const accounts = [cooldown(account("a"), 60_000), account("b")];
  assert.equal(shown(selectAccount(accounts, selection({ pinned: "a" }))), "use a");
  assert.equal(
    shown(selectAccount(accounts, selection({ pinned: "a", tried: new Set(["a"]) }))),
    "none of a",
  );
});

test("a cooldown longer than an hour is tested once an hour with one request", () => {
  const hour = 3_600_000;
  const inCooldown = cooldown(account("a", { priority: 200 }), 10 * hour);
  const accounts = [inCooldown, account("b")];
  assert.equal(shown(selectAccount(accounts, selection({ now: start + hour - 1 }))), "use b");
  const probe = selectAccount(accounts, selection({ now: start + hour }));
  assert.equal(shown(probe), "use a");
  assert.ok(probe.kind === "use" && probe.probe);
  inCooldown.cooldowns.get("")!.probedAt = start + hour;
  assert.equal(shown(selectAccount(accounts, selection({ now: start + hour + 1 }))), "use b");
  inCooldown.cooldowns.get("")!.probedAt = start;
  for (const sticky of [undefined, "a"]) {
    const free = selection({ now: start + hour, sticky, mayProbe: false });
    assert.equal(shown(selectAccount(accounts, free)), "use b", "what is free finds out nothing");
  }
  const short = cooldown(account("a", { priority: 200 }), hour);
  assert.equal(shown(selectAccount([short, account("b")], selection({ now: start + hour - 1 }))), "use b");
});

test("the test of a long cooldown is also made by the session that lives there", () => {
  const inCooldown = cooldown(account("sticky"), 10 * 3_600_000);
  const choice = selectAccount(
    [inCooldown, account("b")],
    selection({ sticky: "sticky", fallback: "b", now: start + 3_600_000 }),
  );
  assert.equal(shown(choice), "use sticky");
});

test("where room is needed, accounts without it still decide whether a last resort is admitted", () => {
  const resort = account("resort", { onlyWhenOut: true });
  const choose = (other: Account) => shown(selectAccount([other, resort], selection({ needsRoom: true })));
  assert.equal(choose(account("a")), "use a");
  assert.equal(choose(full(account("a"), 0.99)), "none of a");
  assert.equal(choose(cooldown(account("a"), 2000, { kind: "capacity" })), "none of a");
  assert.equal(choose(cooldown(account("a"), 7_200_000)), "use resort");
});

test("what was tried is not tried again", () => {
  const accounts = [account("a"), account("b")];
  assert.equal(shown(selectAccount(accounts, selection({ tried: new Set(["a"]) }))), "use b");
  assert.equal(
    shown(selectAccount(accounts, selection({ tried: new Set(["a", "b"]), sticky: "a" }))),
    "none of a,b",
  );
});
