// Reads the times and waits that providers write into headers of their own, into errors and into sentences.

import { clampUntil, readNumber } from "../network/retry-after.ts";
import { firstWords } from "./reason.ts";

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
