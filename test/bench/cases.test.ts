// What the long form of the benchmark fails for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { benchCases } from "./cases.ts";

test("what was reached for large requests is less than a pass-through takes", () => {
  for (const { name, ceiling, target } of benchCases({ short: false })) {
    const isLarge = name === "megabyte" || name === "large";
    assert.equal(ceiling < 1, isLarge, name);
    assert.equal(ceiling <= target, isLarge, name);
  }
});
