// The sums that summaries are made of, the same from single rows and from days that are rolled up.

import type { UsageSummaryRow } from "./usage-store.ts";

export interface Totals {
  requests: number;
  errors: number;
  input: number;
  output: number;
  cache_write_5m: number;
  cache_write_1h: number;
  cache_read: number;
  reasoning: number;
  /** Of the requests that have a price; billionths of a USD. */
  cost_nano: number;
  /** Requests without a price, or of unknown usage. */
  unpriced: number;
}

/** What each total is in one row of `usage`. */
const rowExpressions: Readonly<Record<keyof Totals, string>> = {
  requests: "requests",
  errors: "CASE WHEN outcome IN ('failed', 'truncated') THEN requests ELSE 0 END",
  input: "input",
  output: "output",
  cache_write_5m: "cache_write_5m",
  cache_write_1h: "cache_write_1h",
  cache_read: "cache_read",
  reasoning: "reasoning",
  cost_nano: "coalesce(cost_nano, 0)",
  unpriced: "CASE WHEN cost_nano IS NULL THEN requests ELSE 0 END",
};

/** Over `usage`: the name that was sent, empty where it is the one that was asked for. */
export const sentModel = "coalesce(sent_model, '')";

export const totalNames = Object.keys(rowExpressions) as (keyof Totals)[];

/** Select list over `usage`. */
export const sumsOfRows = totalNames.map((name) => `sum(${rowExpressions[name]}) AS ${name}`).join(", ");

/** Select list over `usage_sums`. */
export const sumsOfDays = totalNames.map((name) => `sum(${name}) AS ${name}`).join(", ");

export function addTotals(sum: Totals | undefined, more: Totals): Totals {
  const result = { ...more };
  if (sum !== undefined) for (const name of totalNames) result[name] += sum[name];
  return result;
}

export function toSummaryRow(key: string, totals: Totals | undefined): UsageSummaryRow {
  const unpriced = totals?.unpriced ?? 0;
  const costNano = totals?.cost_nano ?? 0;
  return {
    key,
    requests: totals?.requests ?? 0,
    errors: totals?.errors ?? 0,
    tokens: {
      input: totals?.input ?? 0,
      output: totals?.output ?? 0,
      cacheWrite5m: totals?.cache_write_5m ?? 0,
      cacheWrite1h: totals?.cache_write_1h ?? 0,
      cacheRead: totals?.cache_read ?? 0,
      reasoning: totals?.reasoning ?? 0,
    },
    costUsd: usdOf(costNano, unpriced),
    unpriced,
  };
}

/** Undefined when there are only requests without a price. */
export function usdOf(costNano: number, unpriced: number): number | undefined {
  return unpriced > 0 && costNano === 0 ? undefined : costNano / 1e9;
}
