// Which key a request presents, and what it costs to find out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { authenticate, hasKeyHeader } from "../../src/relay/authenticate.ts";

const apiKeys = [
  { name: "one", key: "key-1" },
  { name: "two", key: "key-2" },
  { name: "again", key: "key-1" },
];

test("the first valid key in the order of places names the client, whatever else is presented", () => {
  const places = [
    [{ "x-cc-relay-key": "key-2", authorization: "Bearer key-1" }, "", "two"],
    [{ "x-cc-relay-key": "wrong", authorization: "Bearer key-1" }, "", "one"],
    [{ authorization: "Bearer sk-own", "x-api-key": "key-2" }, "?key=key-1", "two"],
    [{ "x-goog-api-key": "AIza-own" }, "?alt=sse&key=key-1", "one"],
  ] as const;
  for (const [headers, query, name] of places) assert.equal(authenticate(headers, query, { apiKeys }), name);
  for (const key of ["key-", "key-11", "", "KEY-1", "again"])
    assert.throws(() => authenticate({ "x-api-key": key }, "", { apiKeys }), { code: "invalid_key" }, key);
  assert.equal(hasKeyHeader({ "x-api-key": "key-2" }, apiKeys), true);
  assert.equal(hasKeyHeader({ "x-api-key": "key-3" }, apiKeys), false);
});

test("a list of keys that takes another one's place counts at once", () => {
  const headers = { "x-api-key": "key-2" };
  assert.equal(authenticate(headers, "", { apiKeys }), "two");
  assert.throws(() => authenticate(headers, "", { apiKeys: apiKeys.slice(0, 1) }), { code: "invalid_key" });
});

test("twenty thousand keys cost a request about as much as three", () => {
  const many = Array.from({ length: 20_000 }, (_, index) => ({ name: `n${index}`, key: `key-${index}` }));
  const costOf = (keys: readonly { name: string; key: string }[]) => {
    const headers = { "x-api-key": keys.at(-1)!.key };
    // The first request finds the list new.
    authenticate(headers, "", { apiKeys: keys });
    const rounds = Array.from({ length: 5 }, () => {
      const before = process.cpuUsage();
      for (let count = 0; count < 300; count++) authenticate(headers, "", { apiKeys: keys });
      const { user, system } = process.cpuUsage(before);
      return user + system;
    });
    return Math.min(...rounds);
  };
  costOf(apiKeys);
  const few = costOf(apiKeys);
  const cost = costOf(many);
  // Looking at each key, as plain text even, takes several times this.
  assert.ok(cost < 5 * few + 5000, `${cost} µs instead of ${few}`);
});
