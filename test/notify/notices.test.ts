// What is sent about accounts, families, windows and the database: on edges, after its time, and not again too soon.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccountStatus } from "../../src/accounts/state.ts";
import { notifyEvents } from "../../src/config/config.ts";
import { type AccountSituation, createNoticeFinder, type Situation } from "../../src/notify/notices.ts";

const rules: Parameters<typeof createNoticeFinder>[0] = {
  events: notifyEvents,
  afterMs: 60_000,
  quietMs: 900_000,
  windowThreshold: 0.9,
};
const start = Date.UTC(2026, 10, 22, 12);
const second = 1000;

const ready: AccountStatus = { state: "ready", reason: undefined, until: undefined };
const cooldown: AccountStatus = {
  state: "cooldown",
  reason: "the limit is reached",
  until: start + 7_200_000,
};
const refused: AccountStatus = { state: "needs-login", reason: "the key is refused", until: undefined };

function account(id: string, status: AccountStatus, some: Partial<AccountSituation> = {}): AccountSituation {
  return { id, family: "claude", status, windows: [], ...some };
}

function at(...accounts: AccountSituation[]): Situation {
  return { accounts, storage: { kind: "disk" } };
}

/** Looks at each situation at its second; returns what was sent then. */
function told(looks: readonly (readonly [number, Situation])[], some: Partial<typeof rules> = {}): string[] {
  const finder = createNoticeFinder({ ...rules, ...some });
  return looks.flatMap(([seconds, situation]) =>
    finder
      .look(situation, start + seconds * second)
      .map(({ event, account: id, family }) => `${seconds} ${event} ${id ?? family}`),
  );
}

const spare = account("b", ready);

test("a cooldown is reported when it has lasted, and the return of an account that was reported", () => {
  const out = at(account("a", cooldown), spare);
  const looks = [
    [0, out],
    [59, out],
    [60, out],
    [90, out],
    [200, at(account("a", ready), spare)],
  ] as const;
  assert.deepEqual(told(looks), ["60 cooldown a", "200 account-back a"]);
});

test("a short cooldown is not reported, and neither is its end", () => {
  const looks = [
    [0, at(account("a", cooldown), spare)],
    [30, at(account("a", ready), spare)],
  ] as const;
  assert.deepEqual(told([...looks, [90, at(account("a", ready), spare)]]), []);
});

test("the finder knows when a cooldown will have lasted", () => {
  const finder = createNoticeFinder(rules);
  finder.look(at(account("a", cooldown), spare), start);
  assert.equal(finder.nextAt, start + 60_000);
  finder.look(at(account("a", cooldown), spare), start + 60_000);
  assert.equal(finder.nextAt, undefined);
});

test("a refused credential is reported at once", () => {
  assert.deepEqual(told([[0, at(account("a", refused), spare)]]), ["0 needs-login a"]);
});

test("an account that was disabled or removed is not back", () => {
  const off: AccountStatus = { state: "disabled", reason: undefined, until: undefined };
  const out = at(account("a", refused), spare);
  assert.deepEqual(
    told([
      [0, out],
      [1, at(account("a", off), spare)],
      [2, at(account("a", ready), spare)],
    ]),
    ["0 needs-login a"],
  );
  assert.deepEqual(
    told([
      [0, out],
      [1, at(spare)],
      [2, at(account("a", ready), spare)],
    ]),
    ["0 needs-login a"],
  );
});

test("a family without an account that can answer is reported when that has lasted, and then its return", () => {
  const some = at(account("a", cooldown), account("b", ready));
  const none = at(account("a", cooldown), account("b", cooldown));
  const events = ["family-out", "family-back"] as const;
  const looks = [
    [0, some],
    [1, none],
    [30, none],
    [31, some],
    [40, none],
    [99, none],
    [100, none],
    [101, some],
  ] as const;
  assert.deepEqual(told(looks, { events }), ["100 family-out claude", "101 family-back claude"]);
  const finder = createNoticeFinder({ ...rules, events });
  finder.look(none, start);
  assert.equal(finder.nextAt, start + 60 * second);
});

test("a family whose accounts all need a person is reported at once, also while its shortage was waited out", () => {
  const unpaid = { ...cooldown, reason: "the credit is used up" };
  const events = ["family-out"] as const;
  const all = at(account("a", refused), account("b", unpaid, { needsPerson: true }));
  assert.deepEqual(told([[0, all]], { events }), ["0 family-out claude"]);
  const looks = [
    [0, at(account("a", refused), account("b", cooldown))],
    [10, all],
  ] as const;
  assert.deepEqual(told(looks, { events }), ["10 family-out claude"]);
});

test("the same event of the same account is not reported again within the quiet time", () => {
  const out = at(account("a", refused), spare);
  const back = at(account("a", ready), spare);
  const looks = [
    [0, out],
    [1, back],
    [2, out],
    [3, back],
    [1000, out],
    [1001, back],
  ] as const;
  assert.deepEqual(told(looks), [
    "0 needs-login a",
    "1 account-back a",
    "1000 needs-login a",
    "1001 account-back a",
  ]);
});

test("what is still so when the quiet time is over is sent then, and the finder knows when", () => {
  const finder = createNoticeFinder(rules);
  const out = at(account("a", refused), spare);
  const events = (seconds: number, situation: Situation) =>
    finder.look(situation, start + seconds * second).map(({ event }) => event);
  assert.deepEqual(events(0, out), ["needs-login"]);
  assert.deepEqual(events(1, at(account("a", ready), spare)), ["account-back"]);
  assert.deepEqual(events(2, out), []);
  assert.equal(finder.nextAt, start + 900_000);
  assert.deepEqual(events(900, out), ["needs-login"]);
  assert.deepEqual(events(901, out), []);
  assert.equal(finder.nextAt, undefined);
});

test("quiet about one account is not quiet about another", () => {
  const both = at(account("a", refused), account("b", refused), account("c", ready));
  assert.deepEqual(told([[0, both]]), ["0 needs-login a", "0 needs-login b"]);
});

test("a window is reported once when it passes the threshold, and again after its reset", () => {
  const used = (utilization: number, resetsAt: number) =>
    at(account("a", ready, { windows: [{ name: "5h", utilization, resetsAt, status: undefined }] }));
  const looks = [
    [0, used(0.5, start + 3_600_000)],
    [1, used(0.9, start + 3_600_000)],
    [2, used(0.95, start + 3_600_000)],
    [3601, used(0.95, start + 3_600_000)],
    [3700, used(0.92, start + 7_200_000)],
  ] as const;
  assert.deepEqual(told(looks), ["1 window a", "3700 window a"]);
});

test("a database that is kept in memory is reported, and when it is written again", () => {
  const memory: Situation = { accounts: [spare], storage: { kind: "memory", reason: "the disk is full" } };
  assert.deepEqual(
    told([
      [0, memory],
      [1, at(spare)],
    ]),
    ["0 storage null", "1 storage null"],
  );
});

test("a database that was made anew is reported once for each time, also by a finder that knows what was sent", () => {
  const anew = (seconds: number, aside: string): Situation => ({
    ...at(spare),
    madeAnew: { at: start + seconds * second, why: "damaged", aside },
  });
  const looks = [
    [0, at(spare)],
    [1, anew(1, "x")],
    [2, anew(1, "x")],
    [5000, anew(5000, "y")],
  ] as const;
  assert.deepEqual(told(looks), ["1 storage null", "5000 storage null"]);
  const before = createNoticeFinder(rules);
  const [notice] = before.look(anew(1, "/data/relay.db.corrupt-1"), start);
  assert.equal(notice?.state, "damaged");
  assert.equal(
    notice?.message,
    "the database was damaged: it was set aside as /data/relay.db.corrupt-1, and what can be read of it is in a new one; cc-relay doctor says what was lost",
  );
  const after = createNoticeFinder(rules, before.memory(start));
  assert.deepEqual(after.look(anew(1, "x"), start + 9_000_000), []);
  assert.deepEqual(after.look(at(spare), start + 9_000_000), []);
  assert.deepEqual(after.memory(start + 9_000_000).lasting, {}, "nothing of it is left in the next process");
});

test("only the events that are asked for are reported", () => {
  const out = at(account("a", refused));
  assert.deepEqual(told([[0, out]], { events: ["family-out"] }), ["0 family-out claude"]);
});

test("a message says who, what, for how long and why", () => {
  const finder = createNoticeFinder({ ...rules, afterMs: 0 });
  const [first, second] = finder.look(at(account("a", cooldown)), start);
  assert.equal(first?.message, "a is in cooldown for 2h: the limit is reached");
  assert.equal(second?.message, "no Claude account can answer, the first is back in 2h");
});

test("a refusal that has run out is over with a good answer alone, and its family is out until then", () => {
  const until = start + 3_600_000;
  const out = account("a", { ...refused, until }, { needsPerson: true });
  const looks = [
    [0, at(out)],
    [3700, at(account("a", ready))],
    [3701, at({ ...out, status: { ...refused, until: until + 3_700_000 } })],
    [7400, at(account("a", ready, { answeredAt: start }))],
    [7401, at(account("a", ready, { answeredAt: start + 7_401_000 }))],
  ] as const;
  assert.deepEqual(told(looks), [
    "0 needs-login a",
    "0 family-out claude",
    "7401 account-back a",
    "7401 family-back claude",
  ]);
});

test("a refusal that ends before its time was ended by a person", () => {
  const out = account("a", { ...refused, until: start + 3_600_000 }, { needsPerson: true });
  const looks = [
    [0, at(out, spare)],
    [60, at(account("a", ready), spare)],
  ] as const;
  assert.deepEqual(told(looks), ["0 needs-login a", "60 account-back a"]);
});

test("a finder that is given the memory of another one goes on from there", () => {
  const out = at(account("a", cooldown), account("b", refused));
  const first = createNoticeFinder(rules);
  first.look(out, start);
  first.look(out, start + 60 * second);
  const memory = JSON.parse(JSON.stringify(first.memory(start + 60 * second)));
  const next = createNoticeFinder(rules, memory);
  assert.deepEqual(next.look(out, start + 61 * second), []);
  const events = next.look(at(account("a", ready), account("b", refused)), start + 62 * second);
  assert.deepEqual(
    events.map(({ event }) => event),
    ["account-back", "family-back"],
  );
  assert.deepEqual(createNoticeFinder(rules).memory(start), { lasting: {}, sentAt: {} });
});
