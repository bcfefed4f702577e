// The requests one by one, for `cc-relay log` and the live view: the last ones, one with its attempts, and new ones as they end.

import type { Family } from "../domain/family.ts";
import type { Connection } from "./connection.ts";
import type { AttemptRow, Outcome, RequestFilter, RequestLog, RequestRecord } from "./usage-store.ts";

export function createRequestLog({ database, run }: Connection): RequestLog {
  const attempts = database.prepare<[string], AttemptRecord>(
    `SELECT account, status, class, next, ms, reason FROM attempts WHERE request_id = ? ORDER BY ordinal`,
  );
  const find = database.prepare<[string], RequestRecordRow>(
    `SELECT ${columns} FROM usage AS u WHERE u.request_id = ?`,
  );
  const newest = database.prepare<[], number | null>("SELECT max(seq) FROM usage_order").pluck();

  const toRecord = (row: RequestRecordRow): RequestRecord => {
    // One attempt is on the account that answered, if any has.
    const isTold = row.attempts === 0 || (row.attempts === 1 && row.account !== noAccount);
    const path = isTold ? [] : pathOf(attempts.all(row.id));
    return fromRow(row, path);
  };

  return {
    last: ({ limit, ...filter }) =>
      run(() => {
        const rows = database.prepare<[FilterValues], RequestRecordRow>(
          `SELECT ${columns} FROM usage AS u WHERE ${conditions(filter)} ORDER BY u.time DESC, u.request_id DESC LIMIT @limit`,
        );
        return rows.all({ ...filterValues(filter), limit }).map(toRecord);
      }),

    find: (id) =>
      run(() => {
        const row = find.get(id);
        if (row === undefined) return undefined;
        return { ...toRecord(row), attempts: attempts.all(id).map(toAttempt) };
      }),

    newest: () => run(() => newest.get() ?? 0),

    after: (seq, { limit, ...filter }) =>
      run(() => {
        const rows = database.prepare<[FilterValues], RequestRecordRow & { seq: number }>(`
          SELECT o.seq, ${columns} FROM usage_order AS o
          JOIN usage AS u ON u.time = o.time AND u.request_id = o.request_id
          WHERE o.seq > @seq AND ${conditions(filter)} ORDER BY o.seq LIMIT @limit`);
        const found = rows.all({ ...filterValues(filter), seq, limit });
        // With fewer rows than asked for, all that is there has been looked at.
        const reached = found.length < limit ? (newest.get() ?? 0) : found.at(-1)!.seq;
        return { seq: Math.max(seq, reached), records: found.map(toRecord) };
      }),
  };
}

const columns = `u.request_id AS id, u.time, u.client, u.family, u.route, u.model, u.sent_model AS sentModel, u.account,
  u.status, u.outcome, u.attempts, u.first_byte_ms AS firstByteMs, u.total_ms AS totalMs, u.input, u.output,
  u.cache_write_5m AS cacheWrite5m, u.cache_write_1h AS cacheWrite1h, u.cache_read AS cacheRead, u.reasoning,
  u.cost_nano AS costNano`;

interface RequestRecordRow {
  id: string;
  time: number;
  client: string;
  family: Family;
  route: string;
  model: string;
  sentModel: string | null;
  account: string;
  status: number;
  outcome: Outcome;
  attempts: number;
  firstByteMs: number | null;
  totalMs: number;
  input: number;
  output: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
  cacheRead: number;
  reasoning: number;
  costNano: number | null;
}

interface AttemptRecord {
  account: string;
  status: number | null;
  class: string;
  next: string;
  ms: number;
  reason: string | null;
}

/** What each part of a filter asks of a row of `usage AS u`. */
const tests: Readonly<Record<keyof RequestFilter, string>> = {
  since: "u.time >= @since",
  account: `(u.account = @account OR EXISTS (
    SELECT 1 FROM attempts WHERE attempts.request_id = u.request_id AND attempts.account = @account))`,
  client: "u.client = @client",
  model: "(u.model GLOB @model OR u.sent_model GLOB @model)",
  failed: "u.outcome IN ('failed', 'truncated')",
};

type FilterValues = Record<string, string | number>;

function conditions(filter: RequestFilter): string {
  const wanted = Object.keys(filterValues(filter)) as (keyof RequestFilter)[];
  return ["TRUE", ...wanted.map((name) => tests[name])].join(" AND ");
}

function filterValues({ since, account, client, model, failed }: RequestFilter): FilterValues {
  const values = { since, account, client, model, failed: failed ? 1 : undefined };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** The accounts in the order in which they were asked, each as often as the request came to it from another. */
function pathOf(attempts: readonly AttemptRecord[]): string[] {
  return attempts.map(({ account }) => account).filter((account, at, all) => account !== all[at - 1]);
}

function fromRow(row: RequestRecordRow, path: string[]): RequestRecord {
  const { input, output, cacheWrite5m, cacheWrite1h, cacheRead, reasoning, costNano, attempts, ...fields } =
    row;
  return {
    ...fields,
    sentModel: row.sentModel ?? undefined,
    firstByteMs: row.firstByteMs ?? undefined,
    path: path.length > 0 || row.account === noAccount ? path : [row.account],
    tokens: { input, output, cacheWrite5m, cacheWrite1h, cacheRead, reasoning },
    costUsd: costNano === null ? undefined : costNano / 1e9,
  };
}

/** What `account` holds when no account answered. */
const noAccount = "(none)";

function toAttempt({ status, reason, ...attempt }: AttemptRecord): AttemptRow {
  return { ...attempt, status: status ?? undefined, ...(reason !== null && { reason }) };
}
