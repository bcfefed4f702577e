// Summaries the slow way, by adding up every row: what the store's answers are compared with.

import type { UsageKey, UsageRow, UsageSummary, UsageSummaryRow } from "../../src/store/usage-store.ts";
import { createPriceList } from "../../src/usage/price.ts";
import { tokens } from "./rows.ts";

const { priceOf } = createPriceList();

export function summarizeNaively(
  rows: Iterable<UsageRow>,
  { since, until, by }: { since: number; until: number; by: UsageKey },
): UsageSummary {
  const groups = new Map<string, Sum & { key: string; sent: string | undefined }>();
  const total = createSum();
  for (const row of rows) {
    if (row.time < since || row.time >= until) continue;
    const key = by === "day" ? dayName(row.time) : row[by];
    const sent = by === "model" ? row.sentModel : undefined;
    const sum = groups.get(`${key} as ${sent}`) ?? { ...createSum(), key, sent };
    groups.set(`${key} as ${sent}`, sum);
    add(sum, row);
    add(total, row);
  }
  const result = [...groups.values()].map(({ key, sent, ...sum }) => ({
    ...toRow(key, sum),
    ...(sent !== undefined && { sentModel: sent }),
  }));
  const named = ({ key, sentModel = "" }: UsageSummaryRow) => JSON.stringify([key, sentModel]);
  result.sort((a, b) => (by === "day" ? 0 : b.requests - a.requests) || (named(a) < named(b) ? -1 : 1));
  return { rows: result, total: toRow("total", total) };
}

function createSum() {
  return { requests: 0, errors: 0, tokens: tokens({}), nano: 0, unpriced: 0 };
}

type Sum = ReturnType<typeof createSum>;

function add(sum: Sum, row: UsageRow): void {
  sum.requests += 1;
  if (row.outcome === "failed" || row.outcome === "truncated") sum.errors += 1;
  for (const kind of Object.keys(sum.tokens) as (keyof UsageRow["tokens"])[])
    sum.tokens[kind] += row.tokens[kind];
  const usd = priceOf({ ...row, model: row.sentModel ?? row.model });
  const used = Object.values(row.tokens).some((count) => count > 0) || row.webSearches > 0;
  if (usd === undefined) sum.unpriced += used ? 1 : 0;
  else sum.nano += Math.round(usd * 1e9);
}

function toRow(key: string, { requests, errors, tokens, nano, unpriced }: Sum): UsageSummaryRow {
  return {
    key,
    requests,
    errors,
    tokens,
    costUsd: unpriced > 0 && nano === 0 ? undefined : nano / 1e9,
    unpriced,
  };
}

/** Not by the code under test: through Intl, in the zone the process is in now. */
function dayName(time: number): string {
  const format = new Intl.DateTimeFormat("en-CA", { timeZone: process.env.TZ, dateStyle: "short" });
  return format.format(time);
}
