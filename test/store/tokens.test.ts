import assert from "node:assert/strict";
import { test } from "node:test";
import { openConnection } from "../../src/store/connection.ts";
import { createTokenStore } from "../../src/store/tokens.ts";
import { createMadeHarness } from "./harness.ts";
import { noon } from "./rows.ts";

test("a token is synced to the disk with its commit, other writing is not slowed down by that", async () => {
  const harness = await createMadeHarness();
  await harness.open();
  const connection = await openConnection(harness.path, { mode: "write", busyTimeoutMs: 100 });
  const { database } = connection;
  const log: string[] = [];
  const pragma = database.pragma.bind(database);
  database.pragma = (source, options) => {
    log.push(source);
    return pragma(source, options);
  };
  database.function("note", () => {
    log.push("written");
  });
  database.exec("CREATE TEMP TRIGGER noted AFTER INSERT ON main.tokens BEGIN SELECT note(); END");
  try {
    const tokens = createTokenStore(connection);
    const optional = {
      accessToken: undefined,
      expiresAt: undefined,
      extras: undefined,
      exchangeHash: undefined,
      exchangeAt: undefined,
    };
    const row = { accountId: "a", configuredHash: "h", refreshToken: "r", generation: 1, updatedAt: noon };
    assert.equal(await tokens.replace({ ...row, ...optional }, undefined), true);
    assert.deepEqual(log, ["synchronous = FULL", "written", "synchronous = NORMAL"]);
    assert.equal(pragma("synchronous", { simple: true }), 1);
    assert.equal(pragma("journal_mode", { simple: true }), "wal");
  } finally {
    await connection.close();
    await harness.dispose();
  }
});
