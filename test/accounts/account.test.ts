import assert from "node:assert/strict";
import { test } from "node:test";
import { cooldownFor, hasFullWindow, isProbeDue, readCooldown } from "../../src/accounts/account.ts";
import { account, start } from "./fakes.ts";

function withWindow(name: string, utilization: number | undefined, status?: string) {
  const one = account("a");
  one.windows.set(name, { name, utilization, resetsAt: start + 1000, status });
  return one;
}

test("a full window of the whole account leaves no room, one of a single model family does not count", () => {
  assert.ok(hasFullWindow(withWindow("7d", 0.98), 0.98, start));
  assert.ok(!hasFullWindow(withWindow("7d", 0.979), 0.98, start));
  assert.ok(!hasFullWindow(withWindow("7d_oi", 1), 0.98, start));
});

test("a window that has reset says nothing any more", () => {
  assert.ok(!hasFullWindow(withWindow("5h", 1), 0.98, start + 1000));
});

test("overage counts while it is in use only", () => {
  assert.ok(hasFullWindow(withWindow("overage", undefined, "in-use"), 0.98, start));
  assert.ok(!hasFullWindow(withWindow("overage", undefined, "rejected"), 0.98, start));
});

test("a cooldown of a kind that a newer version wrote down is left alone, not taken for one that is known", () => {
  const row = {
    accountId: "a",
    scope: "",
    since: start,
    until: start + 1000,
    kind: "rate-limited",
    reason: "5h window is used up",
    settings: undefined,
    probedAt: start,
  };
  assert.equal(readCooldown(row)?.kind, "rate-limited");
  assert.equal(readCooldown({ ...row, kind: "of-tomorrow" }), undefined);
  assert.equal(readCooldown({ ...row, kind: "toString" }), undefined);
});

test("a cooldown that began in the future is void, and its probe is not put off until then", () => {
  const day = 86_400_000;
  const one = account("a");
  const cooldown = {
    scope: "",
    since: start + day,
    until: start + day + 60_000,
    kind: "rate-limited" as const,
    reason: "limit",
    settings: undefined,
    probedAt: start + day,
  };
  one.cooldowns.set("", cooldown);
  assert.equal(cooldownFor(one, "", start), undefined);
  assert.equal(cooldownFor(one, "", start + day), cooldown);
  assert.equal(isProbeDue({ ...cooldown, since: start - day }, start), true);
});
