// The files that undici's classes are taken from are not its public face: a new version may move them.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import undici from "undici";
import { undiciFiles } from "../../bin/undici-files.mts";

const require = createRequire(import.meta.url);

test("the files of undici that the bundle has are those of what its index exports", () => {
  for (const [name, file] of Object.entries(undiciFiles)) {
    assert.equal(require(file), undici[name as keyof typeof undiciFiles], name);
  }
});
