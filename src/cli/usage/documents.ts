// Usage for other programs: JSON and CSV.

import type { UsageSummaryRow } from "../../store/store.ts";
import { rfc3339 } from "../../terminal/format.ts";
import { keyText, type UsageReport } from "./report.ts";

export function toJson({ since, until, by, summary }: UsageReport): string {
  const document = {
    since: rfc3339(since),
    until: rfc3339(until),
    by,
    rows: summary.rows.map(toFields),
    total: toFields(summary.total),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** RFC 4180: a header line, CRLF, quotes where they are needed. */
export function toCsv({ summary }: UsageReport): string {
  const records = [Object.keys(toFields(summary.total)), ...summary.rows.map(toRecord)];
  return records.map((record) => `${record.map(quote).join(",")}\r\n`).join("");
}

/** USD without an exponent, down to the billionths that are stored. */
export function plainUsd(cost: number | undefined): string {
  if (cost === undefined) return "unknown";
  return cost.toFixed(9).replace(/\.?0+$/, "");
}

function toFields({ key, requests, errors, tokens, costUsd }: UsageSummaryRow) {
  return {
    key: keyText(key),
    requests,
    errors,
    input_tokens: tokens.input,
    output_tokens: tokens.output,
    cache_creation_tokens: tokens.cacheWrite5m + tokens.cacheWrite1h,
    cache_read_tokens: tokens.cacheRead,
    reasoning_tokens: tokens.reasoning,
    cost_usd: costUsd ?? null,
  };
}

function toRecord(row: UsageSummaryRow): string[] {
  const { key, cost_usd: _, ...figures } = toFields(row);
  return [key, ...Object.values(figures).map(String), plainUsd(row.costUsd)];
}

function quote(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
