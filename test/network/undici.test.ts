// The files that undici's classes are taken from are not its public face: a new version may move them.

import assert from "node:assert/strict";
import { test } from "node:test";
import undici from "undici";
import { core } from "../../src/network/undici.ts";

test("the parts of undici that are loaded by themselves are those that its index exports", () => {
  for (const [name, part] of Object.entries(core)) {
    assert.equal(part, undici[name as keyof typeof core], name);
  }
});
