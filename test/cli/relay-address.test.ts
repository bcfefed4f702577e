import assert from "node:assert/strict";
import { test } from "node:test";
import { originOf } from "../../src/cli/relay-address.ts";

test("the address of a relay is one that programs of this machine can connect to", () => {
  const table: [string, string][] = [
    ["127.0.0.1", "http://127.0.0.1:3000"],
    ["localhost", "http://localhost:3000"],
    ["0.0.0.0", "http://127.0.0.1:3000"],
    ["::", "http://[::1]:3000"],
    ["::1", "http://[::1]:3000"],
    ["[::1]", "http://[::1]:3000"],
    ["fe80::1%eth0", "http://[fe80::1%25eth0]:3000"],
  ];
  for (const [host, origin] of table) assert.equal(originOf({ host, port: 3000 }), origin);
});
