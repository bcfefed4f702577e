// Sums usage over a period: rolled-up days where a whole day lies inside it, single rows for the rest.
// The result is that of adding up every row, whatever is rolled up and in whose time zone.

import { localDay } from "../time/local-time.ts";
import type { Connection } from "./connection.ts";
import type { UsageKey, UsageStore, UsageSummary } from "./usage-store.ts";
import { addTotals, sentModel, sumsOfDays, sumsOfRows, type Totals, toSummaryRow } from "./usage-totals.ts";

/** `sent`: see UsageSummaryRow; empty where it has none. */
interface Key {
  key: string;
  sent: string;
}

type Keyed = Totals & Key;

export function createUsageSummary({ database, run }: Connection): UsageStore["summarize"] {
  const days = database.prepare<[number, number], Period>(
    `SELECT start AS "from", until AS "to" FROM usage_days WHERE done = 1 AND by_sent_model = 1 AND start >= ? AND until <= ? ORDER BY start`,
  );
  const nextRow = database
    .prepare<[number], number | null>("SELECT min(time) FROM usage WHERE time >= ?")
    .pluck();
  const rowsOf = {
    account: keyedRows("account"),
    model: keyedRows("model", sentModel),
    client: keyedRows("client"),
    family: keyedRows("family"),
    day: database.prepare<[number, number], Keyed>(
      `SELECT '' AS key, '' AS sent, ${sumsOfRows} FROM usage WHERE time >= ? AND time < ? HAVING count(*) > 0`,
    ),
  };
  const dayOf = {
    account: keyedDay("account"),
    model: keyedDay("model", "sent_model"),
    client: keyedDay("client"),
    family: keyedDay("family"),
    day: database.prepare<[number], Keyed>(
      `SELECT '' AS key, '' AS sent, ${sumsOfDays} FROM usage_sums WHERE start = ? HAVING count(*) > 0`,
    ),
  };

  function keyedRows(column: string, sent = "''") {
    return database.prepare<[number, number], Keyed>(
      `SELECT ${column} AS key, ${sent} AS sent, ${sumsOfRows} FROM usage WHERE time >= ? AND time < ? GROUP BY 1, 2`,
    );
  }

  function keyedDay(column: string, sent = "''") {
    return database.prepare<[number], Keyed>(
      `SELECT ${column} AS key, ${sent} AS sent, ${sumsOfDays} FROM usage_sums WHERE start = ? GROUP BY 1, 2`,
    );
  }

  /** Day by day for every key: SQLite sorts what it groups, and many short sorts are faster than a long one. */
  function* daysWithRows(period: Period): Generator<Period> {
    for (let from = nextRow.get(period.from); typeof from === "number" && from < period.to; ) {
      const to = Math.min(localDay(from).end, period.to);
      yield { from, to };
      from = nextRow.get(to);
    }
  }

  // One transaction: what is rolled up must not change between the statements.
  const collect = database.transaction((since: number, until: number, by: UsageKey) => {
    const groups = new Map<string, Group>();
    const add = ({ key, sent, ...more }: Keyed) => {
      const id = JSON.stringify([key, sent]);
      groups.set(id, { key, sent, totals: addTotals(groups.get(id)?.totals, more) });
    };
    const whole = days.all(since, until).filter((day) => by !== "day" || isLocalDay(day));
    for (const day of whole) {
      for (const row of dayOf[by].all(day.from)) {
        add(by === "day" ? { ...row, key: localDay(day.from).name } : row);
      }
    }
    for (const gap of gapsBetween(whole, { from: since, to: until })) {
      for (const piece of daysWithRows(gap)) {
        for (const row of rowsOf[by].all(piece.from, piece.to)) {
          add(by === "day" ? { ...row, key: localDay(piece.from).name } : row);
        }
      }
    }
    return [...groups.values()];
  });

  return ({ since, until, by }) => run(() => toSummary(collect.deferred(since, until, by), by));
}

interface Group extends Key {
  totals: Totals;
}

interface Period {
  from: number;
  to: number;
}

/** Days are rolled up in the daemon's time zone; the reader's may be another. */
function isLocalDay(period: Period): boolean {
  const day = localDay(period.from);
  return day.start === period.from && day.end === period.to;
}

/** What of `range` the ordered periods leave. */
function gapsBetween(periods: readonly Period[], range: Period): Period[] {
  const gaps: Period[] = [];
  let from = range.from;
  for (const period of periods) {
    if (period.from > from) gaps.push({ from, to: Math.min(period.from, range.to) });
    from = Math.max(from, period.to);
  }
  if (from < range.to) gaps.push({ from, to: range.to });
  return gaps;
}

/** Days in their order, everything else with the most requests first. */
function toSummary(groups: readonly Group[], by: UsageKey): UsageSummary {
  const inOrder = groups.toSorted(
    (a, b) =>
      (by === "day" ? 0 : b.totals.requests - a.totals.requests) ||
      compare(a.key, b.key) ||
      compare(a.sent, b.sent),
  );
  const rows = inOrder.map(({ key, sent, totals }) => ({
    ...toSummaryRow(key, totals),
    ...(sent !== "" && { sentModel: sent }),
  }));
  const total = groups.reduce<Totals | undefined>((sum, { totals }) => addTotals(sum, totals), undefined);
  return { rows, total: toSummaryRow("total", total) };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
