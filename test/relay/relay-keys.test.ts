// Keys of the relay's own are known for as long as the process lives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRelayKeys } from "../../src/relay/authenticate.ts";

test("a key that was removed is still known, alone and behind a scheme, and nothing that only holds it", () => {
  const keys = createRelayKeys([{ name: "old", key: "key-1" }]);
  keys.remember([{ name: "new", key: "key 2" }]);
  keys.remember([]);
  for (const value of ["key-1", " key-1 ", "Bearer key-1", "bearer  key-1", "key 2", "Token key 2"])
    assert.equal(keys.isIn(value), true, value);
  for (const value of ["key-12", "x-key-1", "key-1,key-1", "a=key-1", "", "Bearer"])
    assert.equal(keys.isIn(value), false, value);
});

test("without keys nothing is one", () => {
  assert.equal(createRelayKeys([]).isIn(""), false);
});
