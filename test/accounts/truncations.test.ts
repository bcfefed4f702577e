import assert from "node:assert/strict";
import { test } from "node:test";
import { addTruncation, noTruncations, unstableUntil } from "../../src/accounts/truncations.ts";
import { start } from "./fakes.ts";

test("a truncated answer makes an account unstable for a minute", () => {
  assert.equal(unstableUntil(noTruncations, start), undefined);
  const once = addTruncation(noTruncations, { beganAt: start - 500, now: start });
  assert.equal(unstableUntil(once, start), start + 60_000);
  assert.equal(unstableUntil(once, start + 59_999), start + 60_000);
  assert.equal(unstableUntil(once, start + 60_000), undefined);
  assert.equal(unstableUntil(once, start - 1), undefined, "the clock was set back");
});

test("answers that are truncated together count once", () => {
  let truncations = noTruncations;
  for (let index = 0; index < 10; index++) {
    truncations = addTruncation(truncations, { beganAt: start - 1000 * index, now: start + 1000 + index });
  }
  assert.equal(truncations.count, 1);
});
