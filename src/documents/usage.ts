// Sums of usage as `usage --json`, `/status` and the page show them, and as CSV.

import type { UsageSummary, UsageSummaryRow } from "../store/usage-store.ts";
import { replaceInlineControls } from "../text/control-characters.ts";
import type { UsageFigures, UsageRowDocument } from "./types.ts";

export function toUsageRow(row: UsageSummaryRow): UsageRowDocument {
  return {
    key: keyText(row.key),
    ...toUsageFigures(row),
    ...(row.sentModel !== undefined && { sent_model: row.sentModel }),
  };
}

export function toUsageFigures(row: Omit<UsageSummaryRow, "key" | "unpriced">): UsageFigures {
  const { requests, errors, tokens, costUsd } = row;
  return {
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

/** A request need not name a model, or a client send a name at all. */
function keyText(key: string): string {
  return key === "" ? "(none)" : key;
}

/** The name that was asked for, and the one that was sent in its place. */
export function rowName({ key, sentModel }: Pick<UsageSummaryRow, "key" | "sentModel">): string {
  return sentModel === undefined ? keyText(key) : `${keyText(key)} as ${sentModel}`;
}

/**
 * RFC 4180: a header line, CRLF, quotes where they are needed. Without the total. A last column has the names that were sent in place of the
 * keys, where there are any.
 */
export function toUsageCsv({ rows, total }: UsageSummary): string {
  const isReplaced = rows.some(({ sentModel }) => sentModel !== undefined);
  const records = isReplaced
    ? [
        [...Object.keys(toUsageRow(total)), "sent_model"],
        ...rows.map((row) => [...toRecord(row), cellText(row.sentModel ?? "")]),
      ]
    : [Object.keys(toUsageRow(total)), ...rows.map(toRecord)];
  return records.map((record) => `${record.map(quote).join(",")}\r\n`).join("");
}

/** USD without an exponent, down to the billionths that are stored. */
export function plainUsd(cost: number | undefined): string {
  if (cost === undefined) return "unknown";
  return cost
    .toFixed(9)
    .replace(/(?<!0)0+$/, "")
    .replace(/\.$/, "");
}

function toRecord(row: UsageSummaryRow): string[] {
  const { cost_usd: _, ...figures } = toUsageFigures(row);
  return [cellText(keyText(row.key)), ...Object.values(figures).map(String), plainUsd(row.costUsd)];
}

/**
 * Clients choose names, and a spreadsheet runs a cell that begins like a formula: an apostrophe makes it text. Characters that
 * move a cursor or turn the direction of text are replaced.
 */
function cellText(text: string): string {
  // Tabs and line breaks are what a quoted cell may hold.
  const shown = replaceInlineControls(text, "\ufffd");
  return /^[=+\-@\t\r\n]/.test(shown) ? `'${shown}` : shown;
}

function quote(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
