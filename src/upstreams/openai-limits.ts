// Reads the rate-limit headers of the OpenAI API: buckets of API keys (`x-ratelimit-*`, Go durations) and the windows of
// a ChatGPT login (`x-codex-*`, percent), as Codex reads them.

import type { HeaderMap } from "../domain/call.ts";
import { clampUntil, headerValue, readNumber, readRetryAfter } from "../network/retry-after.ts";
import type { Window } from "../usage/window.ts";
import { parseDuration, parseInstant, soundInstant } from "./times.ts";

export interface OpenaiLimit {
  /** Whether any header speaks of limits. */
  isPresent: boolean;
  /** Epoch ms; undefined when the headers do not say. */
  until: number | undefined;
  /** When the bucket of this name refills, whether or not it is empty. */
  resetOf(bucket: string): number | undefined;
}

export function readOpenaiLimit(headers: HeaderMap, now: number): OpenaiLimit {
  const buckets = readBuckets(headers, now);
  const windows = readCodexWindows(headers, now);
  const ends = [
    ...buckets.filter((bucket) => bucket.remaining === 0).map((bucket) => bucket.resetsAt),
    ...windows.filter((window) => (window.utilization ?? 0) >= 1).map((window) => window.resetsAt),
  ].filter((end) => end !== undefined);
  const wait = readRetryAfter(headers, now);
  return {
    isPresent: wait !== undefined || buckets.length > 0 || windows.length > 0,
    until: wait ?? (ends.length > 0 ? clampUntil(Math.max(...ends), now) : undefined),
    resetOf: (name) => {
      const reset = buckets.find((bucket) => bucket.name === name)?.resetsAt;
      return reset === undefined ? undefined : clampUntil(reset, now);
    },
  };
}

export function readOpenaiWindows(headers: HeaderMap, now: number): Window[] {
  const buckets = readBuckets(headers, now).flatMap(({ name, limit, remaining, resetsAt }) => {
    if (limit === undefined || limit <= 0 || remaining === undefined) return [];
    return [{ name, utilization: Math.max(0, (limit - remaining) / limit), resetsAt, status: undefined }];
  });
  return [...buckets, ...readCodexWindows(headers, now)];
}

interface Bucket {
  /** `requests`, `tokens`, `project-tokens`. */
  name: string;
  limit: number | undefined;
  remaining: number | undefined;
  resetsAt: number | undefined;
}

const bucketHeader = /^x-ratelimit-(?:limit|remaining|reset)-(.+)$/;

function readBuckets(headers: HeaderMap, now: number): Bucket[] {
  const names = new Set(Object.keys(headers).flatMap((header) => bucketHeader.exec(header)?.[1] ?? []));
  return [...names].map((name) => {
    const value = (field: string) => headerValue(headers, `x-ratelimit-${field}-${name}`);
    const resetMs = parseDuration(value("reset"));
    return {
      name,
      limit: readNumber(value("limit")),
      remaining: readNumber(value("remaining")),
      resetsAt: resetMs === undefined ? undefined : soundInstant(now + resetMs),
    };
  });
}

function readCodexWindows(headers: HeaderMap, now: number): Window[] {
  return ["primary", "secondary"].flatMap((place) => {
    const value = (field: string) => headerValue(headers, `x-codex-${place}-${field}`);
    const percent = readNumber(value("used-percent"));
    if (percent === undefined) return [];
    const seconds = readNumber(value("reset-after-seconds"));
    const resetsAt =
      parseInstant(value("reset-at")) ??
      (seconds === undefined ? undefined : soundInstant(now + seconds * 1000));
    const name = windowName(readNumber(value("window-minutes"))) ?? place;
    return [{ name, utilization: Math.max(0, percent) / 100, resetsAt, status: undefined }];
  });
}

/** 300 minutes are `5h`, 10080 are `7d`. */
function windowName(minutes: number | undefined): string | undefined {
  if (minutes === undefined || minutes <= 0) return undefined;
  if (minutes % 1440 === 0) return `${minutes / 1440}d`;
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}
