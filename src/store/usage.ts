// Usage rows in SQLite: one per request, priced when it is written.

import { costOf } from "../usage/cost.ts";
import type { PriceList } from "../usage/price.ts";
import type { Connection } from "./connection.ts";
import { createGroupCommit } from "./group-commit.ts";
import { createUsageMaintenance } from "./usage-maintenance.ts";
import type { AccountActivity, AttemptRow, UsageRow, UsageStore } from "./usage-store.ts";
import { createUsageSummary } from "./usage-summary.ts";
import { usdOf } from "./usage-totals.ts";

/** As it is written. */
interface WrittenRow {
  values: (string | number | null)[];
  attempts: readonly AttemptRow[];
}

export function createUsageStore(connection: Connection): UsageStore & { settle(): Promise<void> } {
  const { database, run } = connection;
  const columns = [
    ...["request_id", "time", "client", "account", "family", "model", "sent_model", "route"],
    ...[
      "input",
      "output",
      "cache_write_5m",
      "cache_write_1h",
      "cache_read",
      "reasoning",
      "tier",
      "web_searches",
    ],
    ...["status", "outcome", "attempts", "first_byte_ms", "total_ms", "cost_nano"],
  ];
  const save = database.prepare(`
    INSERT INTO usage (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})
    ON CONFLICT (request_id) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(", ")}`);
  const activity = database.prepare<[number], ActivityRecord>(`
    SELECT account AS accountId, sum(requests) AS requests, sum(cost_nano) AS costNano,
      sum(cost_nano IS NULL) AS unpriced,
      sum(input + output + cache_write_5m + cache_write_1h + cache_read) AS tokens
    FROM usage WHERE time >= ? GROUP BY account ORDER BY account`);
  let prices: PriceList | undefined;

  const saveAttempt = database.prepare(`
    INSERT OR REPLACE INTO attempts (request_id, ordinal, account, status, class, next, ms, reason)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);

  const saveAll = database.transaction((rows: readonly WrittenRow[]) => {
    for (const { values, attempts } of rows) {
      save.run(values);
      for (const [ordinal, attempt] of attempts.entries())
        saveAttempt.run(attemptValues(attempt, values[0]!, ordinal));
    }
  });

  /** With the first row: the table is large and no command but `serve` needs it. */
  async function loadPrices(): Promise<PriceList> {
    prices ??= (await import("../usage/price.ts")).createPriceList();
    return prices;
  }

  const { add, settle } = createGroupCommit<WrittenRow>({
    async commit(rows) {
      const isSingle = rows.length === 1 && rows[0]!.attempts.length === 0;
      await run(() => (isSingle ? void save.run(rows[0]!.values) : saveAll.immediate(rows)));
    },
  });

  return {
    async prepare() {
      await loadPrices();
    },
    async record(row) {
      await add({ values: toValues(row, prices ?? (await loadPrices())), attempts: row.attemptRows ?? [] });
    },
    settle,
    activity: (since) => run(() => activity.all(since).map(toActivity)),
    summarize: onFirstUse(connection, createUsageSummary),
    maintain: onFirstUse(connection, createUsageMaintenance),
  };
}

/** Its statements are prepared when it is wanted: that is a fifth of what opening a database costs, and few who open one sum up. */
function onFirstUse<Args extends unknown[], Result>(
  connection: Connection,
  create: (connection: Connection) => (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  let created: ((...args: Args) => Promise<Result>) | undefined;
  return async (...args) => {
    created ??= await connection.run(() => create(connection));
    return await created(...args);
  };
}

interface ActivityRecord {
  accountId: string;
  requests: number;
  tokens: number;
  costNano: number | null;
  unpriced: number;
}

function toActivity({ costNano, unpriced, ...sums }: ActivityRecord): AccountActivity {
  return { ...sums, costUsd: usdOf(costNano ?? 0, unpriced) };
}

function toValues(row: UsageRow, prices: PriceList): (string | number | null)[] {
  const { tokens } = row;
  return [
    row.requestId,
    Math.round(row.time),
    text(row.client),
    text(row.account),
    row.family,
    text(row.model),
    row.sentModel === undefined ? null : text(row.sentModel),
    text(row.route),
    count(tokens.input),
    count(tokens.output),
    count(tokens.cacheWrite5m),
    count(tokens.cacheWrite1h),
    count(tokens.cacheRead),
    count(tokens.reasoning),
    row.tier === undefined ? null : text(row.tier),
    count(row.webSearches),
    row.status,
    row.outcome,
    row.attempts,
    row.firstByteMs === undefined ? null : Math.round(row.firstByteMs),
    Math.round(row.totalMs),
    costNano(row, prices),
  ];
}

function attemptValues(attempt: AttemptRow, requestId: string | number, ordinal: number) {
  const { account, status, class: kind, next, ms, reason } = attempt;
  return [
    ...[requestId, ordinal, text(account), status ?? null, text(kind), text(next), Math.round(ms)],
    reason === undefined ? null : text(reason),
  ];
}

/** Clients choose model names; a whole body's worth of them must not end up in every sum. */
function text(value: string): string {
  return value.length > 200 ? value.slice(0, 200) : value;
}

/** Providers choose the figures: whatever they send, the sums must stay within SQLite's integers. */
function count(value: number): number {
  return value > 0 ? Math.min(Math.round(value), 1e12) : 0;
}

function costNano(row: UsageRow, prices: PriceList): number | null {
  const usd = costOf(row, prices);
  return usd === undefined ? null : Math.min(Math.round(usd * 1e9), 1e15);
}
