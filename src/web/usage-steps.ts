// Cuts a period into the hours, local days or weeks that a plot has room for.

import { localDay } from "../store/local-day.ts";
import { dateTime } from "../time/local-time.ts";

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
