// Imports the usage of the relay's Rust predecessor (`usage_stats`), whose database file may be the one we are given.
// Its tables stay as they are.

import type { Database } from "better-sqlite3";
import type { Family } from "../domain/family.ts";
import type { MigrationContext } from "./migrations.ts";

/** Tables by which the predecessor's database is known. */
export const predecessorTables: readonly string[] = ["usage_stats", "sticky_sessions"];

export function hasPredecessorUsage(database: Database): boolean {
  return (
    database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'usage_stats'").get() !==
    undefined
  );
}

/** A migration, so that it runs once. */
export function importPredecessor(database: Database, context: MigrationContext): void {
  if (!hasPredecessorUsage(database)) return;
  const page = database.prepare<[number], Record<string, unknown>>(
    "SELECT rowid AS predecessor_row, * FROM usage_stats WHERE rowid > ? ORDER BY rowid LIMIT 500",
  );
  const insert = database.prepare(`
    INSERT INTO usage (time, request_id, requests, client, account, family, model, route, input, output, cache_write_5m,
      cache_write_1h, cache_read, reasoning, tier, web_searches, status, outcome, attempts, first_byte_ms, total_ms, cost_nano)
    VALUES (@time, @id, @requests, @client, @account, @family, @model, @route, @input, @output, @cacheWrite,
      0, @cacheRead, 0, NULL, 0, 200, 'complete', 1, NULL, 0, @cost)`);
  let last = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const rows = page.all(last);
    for (const row of rows) {
      last = Number(row.predecessor_row);
      insert.run(toUsage(row, last, context));
    }
    if (rows.length === 0) return;
  }
}

function toUsage(row: Record<string, unknown>, rowid: number, context: MigrationContext) {
  const model = text(row.model);
  const family = familyOf(model);
  const requests = Math.max(1, count(row.request_count));
  const created = readTime(row.created_at) ?? context.now;
  // A time that cannot be must not send the row into the past, where retention would delete it, nor out of every period.
  const time = created > 0 && created < context.now ? created : context.now;
  const [input, output, cacheWrite, cacheRead] = [
    count(row.input_tokens),
    count(row.output_tokens),
    count(row.cache_creation_tokens),
    count(row.cache_read_tokens),
  ];
  // Price bands depend on one prompt: a sum of several is priced as so many average ones.
  const usd = context.prices?.priceOf({
    family,
    model,
    time,
    tier: undefined,
    webSearches: 0,
    tokens: {
      input: input / requests,
      output: output / requests,
      cacheWrite5m: cacheWrite / requests,
      cacheWrite1h: 0,
      cacheRead: cacheRead / requests,
      reasoning: 0,
    },
  });
  const hasTokens = input + output + cacheWrite + cacheRead > 0;
  return {
    time,
    id: `predecessor-${rowid}`,
    requests,
    client: clientName(text(row.client_api_key_hash)),
    account: text(row.account_id) || "(none)",
    family,
    model,
    route: `${family}/generate`,
    input,
    output,
    cacheWrite,
    cacheRead,
    cost: hasTokens ? (usd === undefined ? null : Math.round(usd * requests * 1e9)) : 0,
  };
}

/** The predecessor stored SHA-256 of the key, or a placeholder where there was none. */
function clientName(hash: string): string {
  if (hash === "") return "anonymous";
  return /^[0-9a-f]{16,}$/i.test(hash) ? hash.slice(0, 8).toLowerCase() : hash;
}

function familyOf(model: string): Family {
  if (/gemini|gemma/i.test(model)) return "gemini";
  if (/^(?:openai\/)?(?:gpt|chatgpt|codex|o\d|text-embedding)/i.test(model)) return "openai";
  return "claude";
}

/** SQLite's and RFC 3339's forms (without a zone: UTC) and Unix times in any unit. */
export function readTime(value: unknown): number | undefined {
  if (typeof value === "number") return fromUnix(value);
  if (typeof value !== "string") return undefined;
  const trimmed = value.trim();
  if (/^\d+(?:\.\d+)?$/.test(trimmed)) return fromUnix(Number(trimmed));
  const parts =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?([.,]\d+)?)? ?(?:(Z|UTC)|([+-]\d\d):?(\d\d)?)?$/i.exec(
      trimmed,
    );
  if (parts === null) return undefined;
  const [, date, minutes = "00:00", seconds = ":00", fraction = "", , zoneHours = "+00", zoneMinutes = "00"] =
    parts;
  const time = Date.parse(
    `${date}T${minutes}${seconds}${fraction.replace(",", ".").slice(0, 4)}${zoneHours}:${zoneMinutes}`,
  );
  return Number.isNaN(time) ? undefined : time;
}

function fromUnix(value: number): number | undefined {
  if (!(value > 0)) return undefined;
  const unit = value < 1e11 ? 1000 : value < 1e14 ? 1 : value < 1e17 ? 1e-3 : 1e-6;
  return Math.round(value * unit);
}

function count(value: unknown): number {
  const number = Number(value);
  return number > 0 ? Math.min(Math.round(number), 1e12) : 0;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
