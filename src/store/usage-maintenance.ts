// Rolls up closed days and deletes what is older than the retention, in steps of a few milliseconds: the relay's
// streams are blocked while SQLite works.

import { type LocalDay, localDay } from "../time/local-time.ts";
import type { Connection } from "./connection.ts";
import type { UsageStore } from "./usage-store.ts";
import { sentModel, sumsOfRows, totalNames } from "./usage-totals.ts";

/** Rows are written when a request ends but carry the time of its beginning: a day is left alone this long. */
const settleMs = 60 * 60 * 1000;

const rowsPerStep = 500;
const daysPerStep = 100;
/** A reader that follows the requests is behind by seconds, not by more than this. */
const maxFollowed = 10_000;
/** What comes after a longer gap may be an error of the clock. */
const maxGapMs = 7 * 24 * 60 * 60 * 1000;
/** After a gap, so many days with requests show that the clock was right. */
const believableDays = 7;

export function createUsageMaintenance({ database, run }: Connection): UsageStore["maintain"] {
  const firstRowFrom = database
    .prepare<[number], number | null>("SELECT min(time) FROM usage WHERE time >= ?")
    .pluck();
  const lastRowBefore = database
    .prepare<[number], number | null>("SELECT max(time) FROM usage WHERE time < ?")
    .pluck();
  const deleteRows = database.prepare(
    `DELETE FROM usage WHERE time < ? ORDER BY time, request_id LIMIT ${rowsPerStep}`,
  );
  const deleteDays = database.prepare("DELETE FROM usage_days WHERE start < ?");
  const deleteOrder = database.prepare(
    `DELETE FROM usage_order WHERE seq <= (SELECT max(seq) FROM usage_order) - ${maxFollowed}`,
  );
  const dropOlderDays = database.prepare("DELETE FROM usage_days WHERE by_sent_model = 0");
  const dropOlderSums = database.prepare("DELETE FROM usage_daily");
  const deleteSums = database.prepare(`DELETE FROM usage_sums WHERE start < ? LIMIT ${rowsPerStep}`);
  const unfinished = database.prepare<[], DayRecord>("SELECT * FROM usage_days WHERE done = 0 LIMIT 1");
  const dayAt = database.prepare<[number], DayRecord>(
    "SELECT * FROM usage_days WHERE start <= ? ORDER BY start DESC LIMIT 1",
  );
  const dropOverlapping = database.prepare("DELETE FROM usage_days WHERE start < ? AND until > ?");
  const dropSums = database.prepare("DELETE FROM usage_sums WHERE start = ?");
  const begin = database.prepare(
    "INSERT INTO usage_days (start, until, done, cursor_time, cursor_id, by_sent_model) VALUES (?, ?, 0, ?, '', 1)",
  );
  const stepEnd = database.prepare<[number, string, number], { time: number; id: string }>(`
    SELECT time, request_id AS id FROM usage WHERE (time, request_id) > (?, ?) AND time < ?
    ORDER BY time, request_id LIMIT 1 OFFSET ${rowsPerStep - 1}`);
  const addSums = database.prepare(`
    INSERT INTO usage_sums (start, account, model, sent_model, client, family, ${totalNames.join(", ")})
    SELECT ?, account, model, ${sentModel} AS sent, client, family, ${sumsOfRows}
    FROM usage WHERE (time, request_id) > (?, ?) AND (time, request_id) <= (?, ?)
    GROUP BY account, model, sent, client, family
    ON CONFLICT (start, account, model, sent_model, client, family)
    DO UPDATE SET ${totalNames.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`);
  const advance = database.prepare(
    "UPDATE usage_days SET cursor_time = ?, cursor_id = ?, done = ? WHERE start = ?",
  );
  // One look through all days may take several steps.
  let lookFrom = Number.MIN_SAFE_INTEGER;
  let found = false;

  const step = database.transaction((now: number, retentionMs: number): boolean => {
    // What a relay of an older version has summed up, which has gone: its days are summed up anew.
    dropOlderDays.run();
    dropOlderSums.run();
    const reference = Math.min(now, newestBelievable(now));
    if (reference > retentionMs && deleteOld(localDay(reference - retentionMs).start)) return true;
    const day = unfinished.get();
    if (day !== undefined) {
      rollUp(day);
      return true;
    }
    deleteOrder.run();
    return beginNextDay(now);
  });

  /**
   * The newest row that has enough days before it without a gap; without one, the newest before the first gap. What is old is
   * counted from it: a clock that is years ahead now and then, and the requests of those minutes, must not delete the history.
   */
  function newestBelievable(now: number): number {
    let time = lastRowBefore.get(now + 1) ?? 0;
    let candidate = time;
    for (let days = 1; days < believableDays; days++) {
      const before = lastRowBefore.get(localDay(time).start) ?? undefined;
      if (before === undefined) break;
      if (time - before > maxGapMs) {
        candidate = before;
        days = 0;
      }
      time = before;
    }
    return candidate;
  }

  /** Whole days, so that no day is ever left half deleted. */
  function deleteOld(before: number): boolean {
    if (deleteRows.run(before).changes > 0) return true;
    deleteDays.run(before);
    return deleteSums.run(before).changes > 0;
  }

  /** Adds the next rows after the cursor; a day is done when fewer than a full step are left. */
  function rollUp(day: DayRecord): void {
    const last = stepEnd.get(day.cursor_time, day.cursor_id, day.until);
    const end = last ?? { time: day.until, id: "" };
    addSums.run(day.start, day.cursor_time, day.cursor_id, end.time, end.id);
    advance.run(end.time, end.id, last === undefined ? 1 : 0, day.start);
  }

  /** Finds the next closed day with rows that is not rolled up as a day of this time zone; false after a whole look that found none. */
  function beginNextDay(now: number): boolean {
    for (let looked = 0; looked < daysPerStep; looked++) {
      const time = firstRowFrom.get(lookFrom) ?? undefined;
      const day = time === undefined ? undefined : localDay(time);
      if (day === undefined || now < day.end + settleMs) {
        const again = found;
        lookFrom = Number.MIN_SAFE_INTEGER;
        found = false;
        return again;
      }
      lookFrom = day.end;
      if (isRolledUp(day)) continue;
      dropOverlapping.run(day.end, day.start);
      dropSums.run(day.start);
      begin.run(day.start, day.end, day.start);
      found = true;
      return true;
    }
    return true;
  }

  function isRolledUp(day: LocalDay): boolean {
    const record = dayAt.get(day.start);
    return record?.start === day.start && record.until === day.end;
  }

  return (now, retentionMs) => run(() => step.immediate(now, retentionMs));
}

interface DayRecord {
  start: number;
  until: number;
  cursor_time: number;
  cursor_id: string;
}
