// A database that fails under a running relay: answers go on, and the log says what is wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { dialectCases } from "../relay/cases.ts";
import { send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

for (const dialect of dialectCases) {
  test(`${dialect.name}: requests are answered, moved and limited without any table to write to`, async (t) => {
    const { upstream, relay, servedBy } = await setStage(t, { type: dialect.type });
    const database = new Database(relay.config.server.databasePath);
    for (const table of ["cooldowns", "bindings", "usage", "account_states"])
      database.exec(`DROP TABLE ${table}`);
    database.close();
    await until("the relay has noticed", () =>
      relay.log.some(({ message }) => message === "the database could not be read"),
    );
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
    assert.ok(
      relay.log.some(({ level, message }) => level === "error" && /could not be written/.test(message)),
    );
  });
}
