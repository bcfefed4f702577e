// The headers that every error of the relay carries, whatever the API.

import type { RelayError, RelayErrorCode } from "../domain/errors.ts";

/** Claude Code and Codex wait up to a minute; a longer sleep looks like a hang, and SDKs would sleep for hours. */
export const maxWaitSeconds = 60;

/** Nothing changes by itself: asking again is useless. Claude Code would retry a 401 for three minutes, a 501 once more. */
const hopeless: ReadonlySet<RelayErrorCode> = new Set([
  "invalid_key",
  "no_account",
  "needs_login",
  "not_supported",
]);

/** Raw pairs: content-type, code, and when a retry makes sense. */
export function errorHeaders(error: RelayError, contentType = "application/json"): string[] {
  const headers = ["content-type", contentType, "x-cc-relay-error", error.code];
  const wait = retryAfterSeconds(error);
  if (wait !== undefined) headers.push("retry-after", String(wait));
  const shouldRetry = readShouldRetry(error);
  if (shouldRetry !== undefined) headers.push("x-should-retry", String(shouldRetry));
  return headers;
}

/** Whole seconds, never less than the true wait. */
export function retryAfterSeconds(error: RelayError): number | undefined {
  if (error.retryAfterSeconds === undefined || !Number.isFinite(error.retryAfterSeconds)) return undefined;
  return Math.max(0, Math.ceil(error.retryAfterSeconds));
}

/** What `x-should-retry` says; undefined: nothing, the status speaks for itself. */
export function readShouldRetry(error: RelayError): boolean | undefined {
  if (error.shouldRetry !== undefined) return error.shouldRetry;
  const wait = retryAfterSeconds(error) ?? 0;
  return hopeless.has(error.code) || wait > maxWaitSeconds ? false : undefined;
}
