// A database that loses its tables under a running relay: answers go on, and a new one is made.

import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { dialectCases } from "../relay/cases.ts";
import { send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

for (const dialect of dialectCases) {
  test(`${dialect.name}: requests are answered, moved and limited while tables are missing, and recorded`, async (t) => {
    const { upstream, relay, servedBy } = await setStage(t, { type: dialect.type });
    const database = new Database(relay.config.server.databasePath);
    for (const table of ["cooldowns", "bindings", "usage", "account_states"])
      database.exec(`DROP TABLE ${table}`);
    database.close();
    await until("the relay has noticed", () => relay.log.some(({ message }) => /set aside/.test(message)));
    for (const stream of [true, false]) {
      const answer = await send(relay.url, dialect.request({ stream, session: "s" }));
      assert.deepEqual([answer.status, answer.end], [200, "clean"], answer.text);
    }
    upstream.queue("key-of-first", dialect.limited(Date.now() + 7_200_000));
    upstream.queue("key-of-second", { events: 9, cut: { afterEvents: 4, how: "rst" } });
    const cut = await send(relay.url, dialect.request({ session: "s" }));
    assert.equal(cut.header("x-cc-relay-account"), "second");
    const next = await send(relay.url, dialect.request({ session: "s" }));
    assert.deepEqual([next.status, next.header("x-cc-relay-account")], [200, "second"]);
    assert.deepEqual(servedBy(), ["first", "first", "first", "second", "second"]);
    const recorded = await openSqliteStore(relay.config.server.databasePath, { readonly: true });
    assert.equal((await recorded.requests.last({ limit: 9 })).length, 4);
    await recorded.close();
  });
}
