// Setup tokens: used as they are for a year from their first use, or to the end that is configured; never refreshed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createAccount } from "../../src/accounts/account.ts";
import { createCredentialSource } from "../../src/accounts/credentials.ts";
import { defaultAccount } from "../../src/config/defaults.ts";
import { describeLoginFailure } from "../../src/oauth/login-failure.ts";
import { hashToken } from "../../src/oauth/refresh.ts";
import { createTokenSource } from "../../src/oauth/tokens.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { createMemoryTokens, type MemoryTokens } from "../support/memory-tokens.ts";

const start = Date.UTC(2026, 10, 30);
const day = 86_400_000;
const signal = new AbortController().signal;

function source(tokens: MemoryTokens, now: () => number) {
  return createTokenSource({
    tokens,
    dispatcherFor: () => assert.fail("a setup token is refreshed nowhere"),
    config: () => ({}),
    clock: { now, monotonic: now },
    log: silentLog,
  });
}

function account(change: object = {}) {
  return defaultAccount({
    id: "a",
    kind: accountKinds["claude-oauth"],
    credential: "setup-token",
    secret: "sk-ant-oat01-one",
    ...change,
  });
}

test("it is used as it is, and its first use is written down without the token itself", async () => {
  const tokens = createMemoryTokens();
  const result = await source(tokens, () => start).credential(account(), signal);
  assert.ok(result.ok && result.token === "sk-ant-oat01-one");
  const row = tokens.rows.get("a");
  assert.equal(row?.expiresAt, start + 365 * day);
  assert.equal(row?.configuredHash, hashToken("sk-ant-oat01-one"));
  assert.doesNotMatch(JSON.stringify(row), /oat01-one/);
});

test("a year after its first use it is at its end, whatever was restarted meanwhile", async () => {
  const tokens = createMemoryTokens();
  await source(tokens, () => start).credential(account(), signal);
  assert.ok((await source(tokens, () => start + 364 * day).credential(account(), signal)).ok);
  const ended = await source(tokens, () => start + 366 * day).credential(account(), signal);
  assert.ok(!ended.ok);
  assert.equal(ended.reason, "setup-token-ended");
  assert.equal(
    describeLoginFailure(ended),
    "the setup token of account a ended on 2027-11-30; make a new one with `claude setup-token`, and give it here with: cc-relay login claude --setup-token --id a",
  );
});

test("another token begins a year of its own", async () => {
  const tokens = createMemoryTokens();
  await source(tokens, () => start).credential(account(), signal);
  const later = source(tokens, () => start + 366 * day);
  assert.ok((await later.credential(account({ secret: "sk-ant-oat01-two" }), signal)).ok);
  assert.equal(tokens.rows.get("a")?.expiresAt, start + (366 + 365) * day);
});

test("the end that is configured counts, and nothing is written down", async () => {
  const tokens = createMemoryTokens();
  const configured = account({ secretExpiresAt: start + 10 });
  assert.ok((await source(tokens, () => start).credential(configured, signal)).ok);
  assert.ok(!(await source(tokens, () => start + 10).credential(configured, signal)).ok);
  assert.equal(tokens.written.length, 0);
});

test("a disk that takes no writes does not keep it from being used", async () => {
  const tokens = createMemoryTokens();
  tokens.writeError = new Error("the disk is full");
  const used = source(tokens, () => start);
  assert.ok((await used.credential(account(), signal)).ok);
  tokens.writeError = undefined;
  assert.ok((await used.credential(account(), signal)).ok);
  assert.equal(tokens.rows.get("a")?.expiresAt, start + 365 * day);
});

test("one that the provider refuses is not refreshed; another one in the configuration is tried", async () => {
  const credentials = createCredentialSource(source(createMemoryTokens(), () => start));
  const refused = { kind: "bearer", token: "sk-ant-oat01-one" } as const;
  assert.equal(await credentials.refresh(createAccount(account()), refused, signal), undefined);
  const other = createAccount(account({ secret: "sk-ant-oat01-two" }));
  assert.deepEqual(await credentials.refresh(other, refused, signal), {
    ok: true,
    credential: { kind: "bearer", token: "sk-ant-oat01-two" },
  });
});
