// The figures of the page's usage screen: one sum per key for every hour, local day or week of a period, whatever the plot has room for.

import type { UsageDimension, UsageSeriesDocument } from "../documents/types.ts";
import { toUsageCsv, toUsageFigures, toUsageRow } from "../documents/usage.ts";
import { UserError } from "../domain/errors.ts";
import type { Store } from "../store/store.ts";
import type { UsageKey, UsageSummary } from "../store/usage-store.ts";
import { readPeriod } from "../terminal/period.ts";
import { rfc3339 } from "../text/format.ts";
import { dateTime, localDay } from "../time/local-time.ts";

type UsageReader = { usage: Pick<Store["usage"], "summarize"> };

const dimensions = ["model", "account", "client", "family"] as const satisfies readonly UsageDimension[];

/** Throws UserError when a parameter is no period or no key. */
export async function readUsageSeries(
  { usage }: UsageReader,
  parameters: URLSearchParams,
  now: number,
): Promise<UsageSeriesDocument> {
  const { since, until } = periodOf(parameters, now);
  const by = oneOf(dimensions, parameters.get("by") ?? "model");
  const { step, steps } = stepsOf({ since, until });
  const summaries: { label: string; from: number; summary: UsageSummary }[] = [];
  // One after another: other requests get their turn between two of them.
  for (const { label, from, to } of steps) {
    summaries.push({ label, from, summary: await usage.summarize({ since: from, until: to, by }) });
  }
  const whole = await usage.summarize({ since, until, by });
  return {
    since: rfc3339(since),
    until: rfc3339(until),
    by,
    step,
    steps: summaries.map(({ label, from, summary }) => ({
      label,
      start: rfc3339(from),
      rows: summary.rows.map(toUsageRow),
    })),
    rows: whole.rows.map(toUsageRow),
    total: toUsageFigures(whole.total),
  };
}

/** Throws UserError, too. The same text as `cc-relay usage --csv`. */
export async function readUsageCsv(
  { usage }: UsageReader,
  parameters: URLSearchParams,
  now: number,
): Promise<string> {
  const { since, until } = periodOf(parameters, now);
  const by: UsageKey = oneOf(["day", ...dimensions], parameters.get("by") ?? "day");
  return toUsageCsv(await usage.summarize({ since, until, by }));
}

function periodOf(parameters: URLSearchParams, now: number) {
  const until = parameters.get("until") ?? undefined;
  return readPeriod({ since: parameters.get("since") ?? "7d", until }, now);
}

function oneOf<T extends string>(words: readonly T[], word: string): T {
  const found = words.find((each) => each === word);
  if (found !== undefined) return found;
  throw new UserError(`by is one of ${words.join(", ")}`);
}

export interface Step {
  /** Local time: `2026-11-30 14:00` for an hour, `2026-11-30` for a day and for the first day of a week. */
  label: string;
  /** Epoch ms, included. */
  from: number;
  /** Epoch ms, not included. */
  to: number;
}

export interface Steps {
  step: "hour" | "day" | "week";
  steps: Step[];
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const maxHours = 49;
const maxDays = 100;
/** Eight years of weeks: what lies before is left out of the plot, never of the sums. */
const maxSteps = 420;

/** The first and the last step may be a part of theirs. */
export function stepsOf({ since, until }: { since: number; until: number }): Steps {
  const length = until - since;
  if (length <= maxHours * hourMs)
    return { step: "hour", steps: walk({ since, until }, nextHour, hourLabel) };
  if (length <= maxDays * dayMs) return { step: "day", steps: walk({ since, until }, nextDay, dayLabel) };
  const from = Math.max(since, until - maxSteps * 7 * dayMs);
  return { step: "week", steps: walk({ since: from, until }, nextWeek, dayLabel) };
}

function walk(
  { since, until }: { since: number; until: number },
  next: (time: number) => number,
  labelOf: (time: number) => string,
): Step[] {
  const steps: Step[] = [];
  for (let from = since; from < until; ) {
    const to = Math.min(next(from), until);
    steps.push({ label: labelOf(from), from, to });
    from = to;
  }
  return steps;
}

/** Of local time: some zones are half an hour off. */
function hourStart(time: number): number {
  const date = new Date(time);
  return time - (date.getMinutes() * 60_000 + date.getSeconds() * 1000 + date.getMilliseconds());
}

function nextHour(time: number): number {
  return hourStart(time) + hourMs;
}

function nextDay(time: number): number {
  return localDay(time).end;
}

/** Monday. */
function nextWeek(time: number): number {
  const daysToMonday = 7 - ((new Date(time).getDay() + 6) % 7);
  let end = time;
  for (let day = 0; day < daysToMonday; day += 1) end = localDay(end).end;
  return end;
}

function hourLabel(time: number): string {
  const label = dateTime(hourStart(time));
  return label.includes(" ") ? label : `${label} 00:00`;
}

function dayLabel(time: number): string {
  return localDay(time).name;
}
