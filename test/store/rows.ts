// Rows for the store's tests.

import type { TokenRow } from "../../src/domain/token-store.ts";
import type { BindingRow, CooldownRow, Store } from "../../src/store/store.ts";
import type { UsageRow } from "../../src/store/usage-store.ts";
import { noTokens, type TokenCounts } from "../../src/usage/observer.ts";

/** Noon in UTC: the same calendar day in most time zones. */
export const noon = Date.parse("2026-11-20T12:00:00Z");

export const day = 24 * 60 * 60 * 1000;

/** The period of every row. */
export const always = { since: 0, until: Number.MAX_SAFE_INTEGER };

export function cooldown(accountId: string, scope: string): CooldownRow {
  const until = noon + 1000;
  return {
    accountId,
    scope,
    since: noon,
    until,
    kind: "rate-limited",
    reason: "5h window is used up",
    settings: scope === "" ? undefined : `settings of ${accountId}`,
    probedAt: 0,
  };
}

export function binding(key: string, some: Partial<BindingRow>): BindingRow {
  return { kind: "session", key, accountId: "a", fallbackId: undefined, expiresAt: noon + 1, ...some };
}

/** A stored login. */
export function token(accountId: string): TokenRow {
  return {
    accountId,
    configuredHash: "hash",
    refreshToken: `refresh-${accountId}`,
    accessToken: undefined,
    expiresAt: undefined,
    extras: undefined,
    generation: 1,
    updatedAt: noon,
    exchangeHash: undefined,
    exchangeAt: undefined,
  };
}

export function usageRow(requestId: string, some: Partial<UsageRow> = {}): UsageRow {
  return {
    requestId,
    time: noon,
    client: "laptop",
    account: "claude-1",
    family: "claude",
    model: "claude-opus-5-5",
    route: "claude/generate",
    tokens: tokens({ input: 1000, output: 100 }),
    tier: undefined,
    webSearches: 0,
    status: 200,
    outcome: "complete",
    attempts: 1,
    firstByteMs: 250,
    totalMs: 1500,
    ...some,
  };
}

/** The tokens that a request used. */
export function tokens(some: Partial<TokenCounts>): TokenCounts {
  return { ...noTokens, ...some };
}

/** Runs maintenance until there is nothing left; returns the number of steps. */
export async function maintainAll(store: Store, now: number, retentionMs = 400 * day): Promise<number> {
  for (let steps = 1; steps < 10_000; steps++)
    if (!(await store.usage.maintain(now, retentionMs))) return steps;
  throw new Error("maintenance does not come to an end");
}
