import assert from "node:assert/strict";
import { test } from "node:test";
import type { TokenRow } from "../../src/domain/token-store.ts";
import { createLocalRunner } from "../../src/oauth/local-runner.ts";
import { hashToken } from "../../src/oauth/refresh.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { createMemoryTokens } from "../support/memory-tokens.ts";
import { until } from "../support/until.ts";

const row: TokenRow = {
  accountId: "a",
  configuredHash: hashToken("configured"),
  refreshToken: "rotated",
  accessToken: "access",
  expiresAt: 1000,
  extras: undefined,
  generation: 2,
  updatedAt: 0,
  exchangeHash: undefined,
  exchangeAt: undefined,
};

function runnerOn(tokens: ReturnType<typeof createMemoryTokens>) {
  const nobody = () => assert.fail("nothing is to be exchanged");
  return createLocalRunner({
    accountId: "a",
    configuredToken: "configured",
    tokens,
    provider: nobody,
    dispatcher: nobody,
    now: () => 0,
    log: silentLog,
  });
}

test("a project that is found while the disk takes no writes is written with the pair that waits for it", async () => {
  const tokens = createMemoryTokens();
  const runner = runnerOn(tokens);
  tokens.writeError = new Error("disk is full");
  await runner.keep({ row, expected: undefined });
  await runner.saveExtras({ project: "found-project" });
  assert.equal(runner.keepsPair(), true);
  tokens.writeError = undefined;
  await until("the pair is written", () => tokens.rows.has("a"));
  assert.deepEqual(tokens.rows.get("a"), { ...row, extras: { project: "found-project" } });
  await runner.settled();
  assert.equal(runner.keepsPair(), false);
});

test("a project is written beside what the store holds by then", async () => {
  const tokens = createMemoryTokens();
  const runner = runnerOn(tokens);
  await runner.saveExtras({ project: "found-project" });
  assert.equal(tokens.rows.size, 0, "without a login there is nothing to write it to");
  tokens.rows.set("a", row);
  await runner.saveExtras({ project: "found-project" });
  assert.deepEqual(tokens.rows.get("a"), { ...row, extras: { project: "found-project" } });
  await runner.close();
});
