// To whom a connection is opened while another account serves.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Account } from "../../src/accounts/account.ts";
import { openNextConnections } from "../../src/app/next-connections.ts";
import type { Config } from "../../src/config/config.ts";
import type { Family } from "../../src/domain/family.ts";
import { createRelayEvents } from "../../src/relay/events.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { account } from "../accounts/fakes.ts";

const session = { switchAtUtilization: 0.98, foreignAfterMs: 300_000 } as Config["session"];

function setUp(accounts: Account[]) {
  const events = createRelayEvents((error) => assert.ifError(error));
  const opened: string[] = [];
  let now = 1_000_000;
  openNextConnections(events, {
    pool: { accounts },
    dispatchers: { openAhead: (id, _, origin) => opened.push(`${id} ${origin}`) },
    config: () => ({ session }),
    now: () => now,
  });
  return {
    opened,
    answer(id: string, family: Family = "claude") {
      const event = { request: "r", family, account: id, status: 200, firstByteMs: 1 };
      events.emit("answerStarted", () => event);
    },
    pass(ms: number) {
      now += ms;
    },
  };
}

test("the account that would be asked next gets a connection, once a minute", () => {
  const { opened, answer, pass } = setUp([
    account("a", { priority: 300 }),
    account("c", { priority: 100 }),
    account("b", { priority: 200, apiUrl: "https://provider.example/v1" }),
  ]);
  answer("a");
  answer("a");
  assert.deepEqual(opened, ["b https://provider.example"]);
  pass(60_000);
  answer("b");
  assert.deepEqual(opened.slice(1), [`a ${new URL(account("a").config.apiUrl).origin}`]);
});

test("none that is disabled, in cooldown, a last resort, of another family, or the client's own login", () => {
  const out = account("out", { priority: 500 });
  out.cooldowns.set("", {
    ...{ scope: "", since: 0, until: 9_000_000, kind: "rate-limited", reason: "limit" },
    ...{ settings: undefined, probedAt: 0 },
  });
  const { opened, answer } = setUp([
    account("a"),
    account("off", { enabled: false }),
    out,
    account("last", { onlyWhenOut: true }),
    account("other", { family: "openai" }),
    account("own", { kind: accountKinds.client }),
  ]);
  answer("a");
  assert.deepEqual(opened, []);
});
