// Parses --since and --until into a period.

import { UserError } from "../domain/errors.ts";
import { redact } from "../text/redact.ts";
import { dateTime, dayName } from "../time/local-time.ts";
import { singleLine, truncate } from "./width.ts";

export interface Period {
  /** Epoch ms, included. */
  since: number;
  /** Epoch ms, not included. */
  until: number;
  /** Nobody named an end. */
  untilNow: boolean;
}

/** Throws a UserError that says what is accepted. */
export function readPeriod(
  { since, until }: { since: string; until: string | undefined },
  now: number,
): Period {
  const from = readMoment("--since", since, { now, edge: "start" });
  // What begins in the future is empty, and no mistake.
  if (until === undefined) return { since: from, until: Math.max(from, now), untilNow: true };
  const to = readMoment("--until", until, { now, edge: "end" });
  if (from < to) return { since: from, until: to, untilNow: false };
  throw new UserError("--until does not lie after --since", {
    fix: "name an earlier --since (7d when left out), or leave --until out for everything up to now",
    exitCode: 2,
  });
}

/** `from 2026-11-15 14:03 until now` */
export function periodText({ since, until, untilNow }: Period): string {
  return `from ${dateTime(since)} until ${untilNow ? "now" : endText(until)}`;
}

/** What ends at midnight ends with the day before. */
function endText(until: number): string {
  const isMidnight = dateTime(until) === dayName(until);
  return isMidnight ? `the end of ${dayName(until - 1)}` : dateTime(until);
}

interface Reading {
  now: number;
  /** Which end of a day is meant when a day is given. */
  edge: "start" | "end";
}

function readMoment(option: string, text: string, reading: Reading): number {
  const moment =
    readDistance(text, reading.now) ?? readDay(text, reading.edge) ?? readTime(text) ?? Number.NaN;
  if (!Number.isNaN(moment)) return Math.min(Math.max(moment, 0), lastMoment);
  throw new UserError(`${option}: ${describe(text)} is no point in time`, {
    fix: `write a distance (30m, 24h, 7d, 4w), a day (2026-11-22) or a time (2026-11-22T14:00:00Z)`,
    exitCode: 2,
  });
}

/** RFC 3339 has four digits for a year. */
const lastMoment = Date.UTC(9999, 11, 31, 23, 59, 59);

const minute = 60_000;
const units: Readonly<Record<string, number>> = {
  m: minute,
  h: 60 * minute,
  d: 1440 * minute,
  w: 7 * 1440 * minute,
};

/** `7d`: so long before now. */
function readDistance(text: string, now: number): number | undefined {
  const parts = /^(\d{1,9})([mhdw])$/.exec(text);
  return parts === null ? undefined : now - Number(parts[1]) * units[parts[2]!]!;
}

/** `2026-11-22`: its beginning in local time, or that of the day after. */
function readDay(text: string, edge: Reading["edge"]): number | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (parts === null || !isDate(text)) return undefined;
  const [, year, month, day] = parts.map(Number) as [number, number, number, number];
  return new Date(year, month - 1, edge === "start" ? day : day + 1).getTime();
}

/** RFC 3339, and the same without seconds or without a zone, which is local time then. */
function readTime(text: string): number | undefined {
  const parts =
    /^(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d)(:[0-5]\d(?:\.\d+)?)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)?$/.exec(
      text,
    );
  if (parts === null || !isDate(parts[1]!)) return undefined;
  const [, date, hours, minutes, seconds = ":00", zone = ""] = parts;
  return Date.parse(`${date}T${hours}:${minutes}${seconds}${zone.toUpperCase()}`);
}

/** Whether the calendar has the day: Date takes a 30th of February for a 2nd of March. */
function isDate(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function describe(text: string): string {
  return `'${truncate(singleLine(redact(text)), 40)}'`;
}
