import assert from "node:assert/strict";
import { test } from "node:test";
import type { Account, Rest } from "../../src/accounts/account.ts";
import { type Choice, selectAccount } from "../../src/accounts/select.ts";
import { account, selection, start } from "./fakes.ts";

function rest(one: Account, untilMs: number, overrides: Partial<Rest> = {}): Account {
  const next: Rest = {
    scope: "",
    since: start,
    until: start + untilMs,
    kind: "rate-limited",
    reason: "5h limit",
    settings: undefined,
    probedAt: start,
    ...overrides,
  };
  one.rests.set(next.scope, next);
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

test("a resting account is skipped until its rest ends", () => {
  const accounts = [rest(account("a", { priority: 200 }), 60_000), account("b")];
  assert.equal(shown(selectAccount(accounts, selection())), "use b");
  assert.equal(shown(selectAccount(accounts, selection({ now: start + 60_000 }))), "use a");
});

test("a rest of one model family leaves the others", () => {
  const accounts = [rest(account("a", { priority: 200 }), 60_000, { scope: "opus" }), account("b")];
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
  cut.cuts = { count: 3, at: start };
  const accounts = [cut, account("b")];
  assert.equal(shown(selectAccount(accounts, selection())), "use b");
  assert.equal(shown(selectAccount(accounts, selection({ home: "a" }))), "use b");
  assert.equal(shown(selectAccount(accounts, selection({ tied: "a" }))), "use a");
  assert.equal(shown(selectAccount([cut], selection({ home: "a" }))), "use a");
  rest(accounts[1]!, 60_000);
  assert.equal(shown(selectAccount(accounts, selection({ home: "a" }))), "use a");
  accounts[1]!.rests.clear();
  assert.equal(shown(selectAccount(accounts, selection({ home: "a", now: start + 300_000 }))), "use a");
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

test("a session stays at home against priority and order", () => {
  const accounts = [account("a", { priority: 200 }), account("b")];
  assert.equal(shown(selectAccount(accounts, selection({ home: "b" }))), "use b");
});

test("a session whose home rests is served on its detour, and comes home after", () => {
  const accounts = [
    rest(account("home", { priority: 300 }), 60_000),
    account("other", { priority: 200 }),
    account("detour"),
  ];
  const bound = { home: "home", detour: "detour" };
  assert.equal(shown(selectAccount(accounts, selection(bound))), "use detour");
  assert.equal(shown(selectAccount(accounts, selection({ ...bound, now: start + 60_001 }))), "use home");
});

test("a session leaves a full window for an account with room, but not for another full one", () => {
  const home = full(account("home"), 1.02);
  assert.equal(shown(selectAccount([home, account("b")], selection({ home: "home" }))), "use b");
  assert.equal(shown(selectAccount([home, full(account("b"), 1)], selection({ home: "home" }))), "use home");
});

test("a short rest at home is waited out, a longer one is not, and neither is a refused credential", () => {
  const other = account("b");
  assert.equal(
    shown(selectAccount([rest(account("home"), 5000), other], selection({ home: "home" }))),
    "wait home",
  );
  assert.equal(
    shown(selectAccount([rest(account("home"), 5001), other], selection({ home: "home" }))),
    "use b",
  );
  const refused = rest(account("home"), 4000, { kind: "unauthorized" });
  assert.equal(shown(selectAccount([refused, other], selection({ home: "home" }))), "use b");
  const waited = selection({ home: "home", maxWaitMs: 0 });
  assert.equal(shown(selectAccount([rest(account("home"), 5000), other], waited)), "use b");
});

test("a request that is tied to an account goes nowhere else", () => {
  const accounts = [rest(account("a"), 60_000), account("b")];
  assert.equal(shown(selectAccount(accounts, selection({ tied: "a" }))), "none of a");
  assert.equal(shown(selectAccount(accounts, selection({ tied: "b", home: "a" }))), "use b");
});

test("a named account serves even while it rests, and no other does", () => {
  const accounts = [rest(account("a"), 60_000), account("b")];
  assert.equal(shown(selectAccount(accounts, selection({ pinned: "a" }))), "use a");
  assert.equal(
    shown(selectAccount(accounts, selection({ pinned: "a", tried: new Set(["a"]) }))),
    "none of a",
  );
});

test("a rest longer than an hour is tested once an hour with one request", () => {
  const hour = 3_600_000;
  const resting = rest(account("a", { priority: 200 }), 10 * hour);
  const accounts = [resting, account("b")];
  assert.equal(shown(selectAccount(accounts, selection({ now: start + hour - 1 }))), "use b");
  const probe = selectAccount(accounts, selection({ now: start + hour }));
  assert.equal(shown(probe), "use a");
  assert.ok(probe.kind === "use" && probe.probe);
  resting.rests.get("")!.probedAt = start + hour;
  assert.equal(shown(selectAccount(accounts, selection({ now: start + hour + 1 }))), "use b");
  resting.rests.get("")!.probedAt = start;
  for (const home of [undefined, "a"]) {
    const free = selection({ now: start + hour, home, mayTest: false });
    assert.equal(shown(selectAccount(accounts, free)), "use b", "what is free finds out nothing");
  }
  const short = rest(account("a", { priority: 200 }), hour);
  assert.equal(shown(selectAccount([short, account("b")], selection({ now: start + hour - 1 }))), "use b");
});

test("the test of a long rest is also made by the session that lives there", () => {
  const resting = rest(account("home"), 10 * 3_600_000);
  const choice = selectAccount(
    [resting, account("b")],
    selection({ home: "home", detour: "b", now: start + 3_600_000 }),
  );
  assert.equal(shown(choice), "use home");
});

test("what was tried is not tried again", () => {
  const accounts = [account("a"), account("b")];
  assert.equal(shown(selectAccount(accounts, selection({ tried: new Set(["a"]) }))), "use b");
  assert.equal(
    shown(selectAccount(accounts, selection({ tried: new Set(["a", "b"]), home: "a" }))),
    "none of a,b",
  );
});
