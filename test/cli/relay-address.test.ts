// The address at which commands look for the relay.

import assert from "node:assert/strict";
import { test } from "node:test";
import { findRelay, originOf } from "../../src/cli/relay-address.ts";
import { UserError } from "../../src/domain/errors.ts";
import { fakeConfig, fakeContext } from "./support.ts";

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

test("the address is that of the relay that runs, else the configured one", async () => {
  const config = fakeConfig({ port: 4000 });
  assert.equal(await findRelay(fakeContext(), config), "http://127.0.0.1:4000");
  const context = fakeContext({ daemon: { host: "::1", port: 5000 } });
  assert.equal(await findRelay(context, config), "http://[::1]:5000");
  assert.equal(await findRelay(context, fakeConfig({ port: 0 })), "http://[::1]:5000");
});

test("with port = 0 and no relay there is no address, and what starts one is named", async () => {
  await assert.rejects(
    findRelay(fakeContext(), fakeConfig({ port: 0 })),
    new UserError("no relay is running, and server.port = 0 names no port to look for one", {
      fix: { instruction: "to start it, run in another terminal:", command: "cc-relay serve" },
    }),
  );
});
