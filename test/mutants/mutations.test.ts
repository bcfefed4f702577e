// `npm run test:mutants` takes minutes; whether it can run at all is known at once.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { misfits, mutations } from "./mutations.ts";

test("every deliberate fault has its text in the source, once", () => {
  assert.deepEqual(misfits(), []);
});

test("the contributor's page has their number", () => {
  const page = readFileSync("CONTRIBUTING.md", "utf8");
  assert.match(page, new RegExp(`\\b${mutations.length} faults put into the source`));
});
