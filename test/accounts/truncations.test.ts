import assert from "node:assert/strict";
import { test } from "node:test";
import { addTruncation, isUnstable, noTruncations } from "../../src/accounts/truncations.ts";
import { start } from "./fakes.ts";

test("three answers that break off one after another are a pattern, for five minutes after the last", () => {
  let cuts = noTruncations;
  for (const second of [1, 2, 3]) {
    assert.equal(isUnstable(cuts, start), false);
    const now = start + second * 1000;
    cuts = addTruncation(cuts, { beganAt: now - 500, now });
  }
  assert.equal(isUnstable(cuts, start + 3000), true);
  assert.equal(isUnstable(cuts, start + 302_999), true);
  assert.equal(isUnstable(cuts, start + 303_000), false);
});

test("answers that break off together are one cut", () => {
  let cuts = noTruncations;
  for (let index = 0; index < 10; index++) {
    cuts = addTruncation(cuts, { beganAt: start - 1000 * index, now: start + 1000 + index });
  }
  assert.equal(cuts.count, 1);
});
