// Reads from an answer's headers when a provider can be asked again.

import type { HeaderMap } from "../domain/call.ts";

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
