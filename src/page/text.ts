// Figures and times as the page writes them.

import { elapsed } from "../text/format.ts";

/** Control characters and those that turn the direction of text are shown as a replacement: names come from outside. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/gu, "\ufffd");
}

/** Of a row of usage: a model is shown with the name that was sent in its place. */
export function rowName({ key, sent_model }: { key: string; sent_model?: string }): string {
  return plain(sent_model === undefined ? key : `${key} as ${sent_model}`);
}

/** `14:03:12` today, `11-29 14:03` this year, else `2025-11-29 14:03`. */
export function clock(time: string, now: number): string {
  const date = new Date(time);
  const today = new Date(now);
  if (date.toDateString() === today.toDateString()) {
    return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  }
  const isThisYear = date.getFullYear() === today.getFullYear();
  return isThisYear ? dateTime(date).slice("2026-".length) : dateTime(date);
}

/** `2026-11-29 14:03` */
export function dateTime(date: Date): string {
  return `${day(date)} ${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

/** `2026-11-29`, local time. */
export function day(date: Date): string {
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

/** `640 ms`, `4.2 s`, `3m 12s`. */
export function span(ms: number | null): string {
  return ms === null ? "–" : elapsed(ms).replace(/^([\d.]+)(m?s)$/, "$1 $2");
}

/** The share of the input that came from the provider's cache; undefined without any input. */
export function cacheShare({
  input,
  created,
  read,
}: {
  input: number;
  created: number;
  read: number;
}): number | undefined {
  const all = input + created + read;
  return all === 0 ? undefined : read / all;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
