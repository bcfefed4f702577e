// Rows for the store's tests.

import type { Store } from "../../src/store/store.ts";
import type { UsageRow } from "../../src/store/usage-store.ts";
import { noTokens, type TokenCounts } from "../../src/usage/observer.ts";

/** Noon in UTC: the same calendar day in most time zones. */
export const noon = Date.parse("2026-11-20T12:00:00Z");

export const day = 24 * 60 * 60 * 1000;

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

export function tokens(some: Partial<TokenCounts>): TokenCounts {
  return { ...noTokens, ...some };
}

/** Runs maintenance until there is nothing left; returns the number of steps. */
export async function maintainAll(store: Store, now: number, retentionMs = 400 * day): Promise<number> {
  for (let steps = 1; steps < 10_000; steps++)
    if (!(await store.usage.maintain(now, retentionMs))) return steps;
  throw new Error("maintenance does not come to an end");
}
