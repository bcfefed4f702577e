import assert from "node:assert/strict";
import { test } from "node:test";
import { addCut, keepsBreakingOff, noCuts } from "../../src/accounts/cuts.ts";
import { start } from "./fakes.ts";

test("three answers that break off one after another are a pattern, for five minutes after the last", () => {
  let cuts = noCuts;
  for (const second of [1, 2, 3]) {
    assert.equal(keepsBreakingOff(cuts, start), false);
    const now = start + second * 1000;
    cuts = addCut(cuts, { beganAt: now - 500, now });
  }
  assert.equal(keepsBreakingOff(cuts, start + 3000), true);
  assert.equal(keepsBreakingOff(cuts, start + 302_999), true);
  assert.equal(keepsBreakingOff(cuts, start + 303_000), false);
});

test("answers that break off together are one cut", () => {
  let cuts = noCuts;
  for (let index = 0; index < 10; index++) {
    cuts = addCut(cuts, { beganAt: start - 1000 * index, now: start + 1000 + index });
  }
  assert.equal(cuts.count, 1);
});
