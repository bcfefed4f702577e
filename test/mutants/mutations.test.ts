// `npm run test:mutants` takes minutes; whether it can run at all is known at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { misfits } from "./mutations.ts";

test("every deliberate fault has its text in the source, once", () => {
  assert.deepEqual(misfits(), []);
});
