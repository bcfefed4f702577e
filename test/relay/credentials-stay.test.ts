// No credential leaves for another host than its own, whatever redirects, headers, paths and models' names say. `npm run test:hostile` has
// the long form.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tryEscapes } from "../support/escape-attempts.ts";

test("no credential reaches another host than its own, and each of them its own", async () => {
  const seen = await tryEscapes({ attempts: 400, seed: 14 });
  assert.deepEqual(
    [...seen].filter(([, times]) => times === 0),
    [],
  );
});
