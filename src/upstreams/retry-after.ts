// Reads when a provider can be asked again: HTTP's retry-after and the other notations of times and waits.

import type { HeaderMap } from "../domain/call.ts";
import { firstWords } from "./reason.ts";

/** The longest true window is a week; longer figures are faults, or month-ends that one test an hour finds out about. */
const maxCooldownMs = 8 * 86_400_000;

/** Epoch ms from `retry-after-ms`, else `retry-after` (seconds or an HTTP date, RFC 9110 section 10.2.3). */
export function readRetryAfter(headers: HeaderMap, now: number): number | undefined {
  const ms = readNumber(headerValue(headers, "retry-after-ms"));
  if (ms !== undefined && ms >= 0) return clampUntil(now + ms, now);
  const text = headerValue(headers, "retry-after");
  if (text === undefined) return undefined;
  const seconds = readNumber(text);
  if (seconds !== undefined) return seconds >= 0 ? clampUntil(now + seconds * 1000, now) : undefined;
  const date = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : clampUntil(date, now);
}

/** Never before now, and never so late that a provider's odd figure takes an account away for good. */
export function clampUntil(until: number, now: number): number {
  return Math.min(Math.max(Math.ceil(until), now), now + maxCooldownMs);
}

/** Epoch ms of unix seconds, unix milliseconds or RFC 3339. */
export function parseInstant(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const figure = readNumber(text);
  if (figure !== undefined) return soundInstant(figure > 1e11 ? figure : figure * 1000);
  const date = /^\d{4}-\d{2}-\d{2}T/.test(text.trim()) ? Date.parse(text) : Number.NaN;
  return soundInstant(date);
}

/** Whole milliseconds; undefined for what is no time that a calendar of four-figure years has. */
export function soundInstant(ms: number): number | undefined {
  return ms > 0 && ms < 253_402_300_800_000 ? Math.round(ms) : undefined;
}

const unitMs: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["sec", 1000],
  ["second", 1000],
  ["m", 60_000],
  ["min", 60_000],
  ["minute", 60_000],
  ["h", 3_600_000],
  ["hour", 3_600_000],
  ["d", 86_400_000],
  ["day", 86_400_000],
]);

/** No duration is longer as a text. */
const maxDuration = 200;

/** Milliseconds of a Go duration (`1h2m3.5s`), of protobuf's (`34.07s`) or of text (`35 seconds`). */
export function parseDuration(text: string | undefined): number | undefined {
  const whole = text?.slice(0, maxDuration).trim() ?? "";
  const { ms, end } = readDuration(whole);
  return end > 0 && end === whole.length ? ms : undefined;
}

/** Epoch ms of a wait that a sentence names right after `lead` ("Please retry in 12.3s."). */
export function waitInText(text: string, lead: RegExp, now: number): number | undefined {
  const found = lead.exec(firstWords(text));
  if (!found) return undefined;
  const from = found.index + found[0].length;
  const { ms, end } = readDuration(text.slice(from, from + maxDuration).trimStart());
  return end > 0 ? clampUntil(now + ms, now) : undefined;
}

/** "Your limit will reset at 2025-10-03 08:23:14": Z.ai's sentence, which says no zone and means Beijing's. */
export function resetInText(text: string, now: number): number | undefined {
  const [, day, time] = /\breset at (\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})/.exec(firstWords(text)) ?? [];
  const at = Date.parse(`${day}T${time}+08:00`);
  return Number.isNaN(at) ? undefined : clampUntil(at, now);
}

/** The duration at the beginning of the text and where it ends. */
function readDuration(text: string): { ms: number; end: number } {
  const term = /(\d+(?:\.\d+)?|\.\d+)\s*([a-zµ]+)\s*/iy;
  let ms = 0;
  let end = 0;
  for (let match = term.exec(text); match; match = term.exec(text)) {
    const unit = match[2]?.toLowerCase() ?? "";
    const size = unitMs.get(unit) ?? unitMs.get(unit.replace(/s$/, ""));
    if (size === undefined) break;
    ms += Number(match[1]) * size;
    end = term.lastIndex;
  }
  return { ms, end };
}

/** The first value of a header; undefined when it is absent or empty. */
export function headerValue(headers: HeaderMap, name: string): string | undefined {
  const value = headers[name];
  const first = Array.isArray(value) ? value[0] : value;
  return first === undefined || first.trim() === "" ? undefined : first.trim();
}

/** A finite decimal number; text, `NaN` and `0x10` do not count. */
export function readNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\s*-?(?:\d+(?:\.\d*)?|\.\d+)\s*$/.test(text)) return undefined;
  const figure = Number(text);
  return Number.isFinite(figure) ? figure : undefined;
}
