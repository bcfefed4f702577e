// Computes the next midnight in Los Angeles, when Google's daily quotas are reset (Gemini API docs, rate limits page).

const hourMs = 3_600_000;

/** Epoch ms of the next midnight there. */
export function nextMidnightInLosAngeles(now: number): number {
  const here = readClock(now);
  const tomorrow = Date.UTC(here.year, here.month - 1, here.day + 1);
  // Midnight is at 07:00 UTC in summer and at 08:00 in winter; the clocks change at two, so it is one of the two.
  for (const offset of [7 * hourMs, 8 * hourMs]) {
    if (readClock(tomorrow + offset).hour === 0) return tomorrow + offset;
  }
  return tomorrow + 8 * hourMs;
}

interface Clock {
  year: number;
  /** From 1. */
  month: number;
  day: number;
  hour: number;
}

function readClock(time: number): Clock {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: "America/Los_Angeles",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
  });
  const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  return { year: part("year"), month: part("month"), day: part("day"), hour: part("hour") };
}
