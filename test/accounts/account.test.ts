import assert from "node:assert/strict";
import { test } from "node:test";
import { isOutOfRoom, readCooldown } from "../../src/accounts/account.ts";
import { account, start } from "./fakes.ts";

function withWindow(name: string, utilization: number | undefined, status?: string) {
  const one = account("a");
  one.windows.set(name, { name, utilization, resetsAt: start + 1000, status });
  return one;
}

test("a full window of the whole account leaves no room, one of a single model family does not count", () => {
  assert.equal(isOutOfRoom(withWindow("7d", 0.98), 0.98, start), true);
  assert.equal(isOutOfRoom(withWindow("7d", 0.979), 0.98, start), false);
  assert.equal(isOutOfRoom(withWindow("7d_oi", 1), 0.98, start), false);
});

test("a window that has reset says nothing any more", () => {
  assert.equal(isOutOfRoom(withWindow("5h", 1), 0.98, start + 1000), false);
});

test("overage counts while it is in use only", () => {
  assert.equal(isOutOfRoom(withWindow("overage", undefined, "in-use"), 0.98, start), true);
  assert.equal(isOutOfRoom(withWindow("overage", undefined, "rejected"), 0.98, start), false);
});

test("a rest of a kind that a newer version wrote down is left alone, not taken for one that is known", () => {
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
