import assert from "node:assert/strict";
import { test } from "node:test";
import { createBindings } from "../../src/accounts/bindings.ts";
import { createCredentialSource } from "../../src/accounts/credentials.ts";
import { createPool } from "../../src/accounts/pool.ts";
import { readStatus } from "../../src/accounts/state.ts";
import type { LoginFailureReason } from "../../src/oauth/login-failure.ts";
import type { TokenSource } from "../../src/oauth/tokens.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { accountConfig, memoryAccountStore, memoryBindingStore, session, start } from "./fakes.ts";

async function stateAfter(reason: LoginFailureReason) {
  const failed = {
    ok: false,
    reason,
    fact: "what the token endpoint said",
    fix: { instruction: "correct it" },
    until: start + 60_000,
  } as const;
  const tokens: TokenSource = {
    credential: async () => failed,
    refused: async () => failed,
    extrasRefused: async () => {},
    retryNow: () => {},
    close: async () => {},
  };
  const bindings = await createBindings(memoryBindingStore(), start);
  const config = {
    accounts: [accountConfig("a", { kind: accountKinds["claude-oauth"], credential: "refresh-token" })],
    session,
    oauth: { claude: {}, gemini: {} },
    environmentProxy: undefined,
  };
  const clock = { now: () => start, monotonic: () => start };
  const pool = await createPool({ config, store: memoryAccountStore(), bindings, clock });
  const account = pool.account("a")!;
  const result = await createCredentialSource(tokens).get(account, new AbortController().signal);
  assert.ok(!result.ok);
  await pool.failed(account, result.failure, { modelScope: "", sentAt: start, isBilled: true });
  return readStatus(account, { ...session, now: start });
}

test("a login that is gone needs a person", async () => {
  assert.equal((await stateAfter("refresh-revoked")).state, "needs-login");
});

test("a refresh that the token endpoint rejects for another reason is a cooldown with that reason", async () => {
  assert.deepEqual(await stateAfter("refresh-rejected"), {
    state: "cooldown",
    reason: "what the token endpoint said; correct it",
    until: start + 60_000,
  });
});

test("a refresh that this machine has no descriptor for is no account's fault", async () => {
  assert.equal((await stateAfter("shortage")).state, "ready");
});
