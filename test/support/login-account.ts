// An account with a login as tests configure it, and the token that it is to have.

import assert from "node:assert/strict";
import { describeLoginFailure } from "../../src/oauth/login-failure.ts";
import type { LoginAccount, LoginToken } from "../../src/oauth/tokens.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";

export function loginAccount(secret: string, change: Partial<LoginAccount> = {}): LoginAccount {
  return {
    id: "claude-1",
    kind: accountKinds["claude-oauth"],
    apiUrl: "https://api.example",
    secret,
    proxy: undefined,
    extras: undefined,
    ...change,
  };
}

export function tokenOf(result: LoginToken): string {
  assert.ok(result.ok, result.ok ? "" : describeLoginFailure(result));
  return result.token;
}
