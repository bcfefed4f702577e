// A new login in the place of the old one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hashToken } from "../../src/oauth/refresh.ts";
import { saveLogin } from "../../src/oauth/saved-login.ts";
import { createMemoryTokens } from "../support/memory-tokens.ts";

test("a saved login replaces the account's old one under its lock", async () => {
  const tokens = createMemoryTokens();
  const login = { refreshToken: "r1", accessToken: "a1", expiresAt: 5000, owner: undefined };
  await saveLogin(tokens, { accountId: "a", login, now: 1000 });
  assert.equal(tokens.rows.get("a")?.generation, 1);
  await saveLogin(tokens, {
    accountId: "a",
    login: { ...login, refreshToken: "r2" },
    extras: { project: "p" },
    now: 2000,
  });
  assert.deepEqual(tokens.rows.get("a"), {
    accountId: "a",
    configuredHash: hashToken("r2"),
    refreshToken: "r2",
    accessToken: "a1",
    expiresAt: 5000,
    extras: { project: "p" },
    generation: 2,
    updatedAt: 2000,
    exchangeHash: undefined,
    exchangeAt: undefined,
  });
});
