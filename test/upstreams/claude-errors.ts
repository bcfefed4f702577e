// Errors as Claude's API sends them, and what the upstream reads out of one.

import { readClaudeFailure } from "../../src/upstreams/claude-failures.ts";
import { headOf, makeCall, now } from "./make-call.ts";

export interface ErrorParts {
  type?: string;
  message?: string;
  code?: string;
}

export function errorBody({ type = "api_error", message = "", code }: ErrorParts): unknown {
  const details = code === undefined ? null : { error_code: code };
  return { type: "error", error: { type, message, details }, request_id: "req_1" };
}

export function read(status: number, error: ErrorParts, headers: Record<string, string> = {}) {
  const body = Buffer.from(JSON.stringify(errorBody(error)));
  return readClaudeFailure(headOf(status, headers), body, makeCall(), now);
}

export const limitType = "rate_limit_error";
export const ordinary429 = "This request would exceed your account's rate limit. Please try again later.";
export const seconds = (ms: number) => String(Math.floor((now + ms) / 1000));

/** Subscription headers, the prefix left out. */
export function unified(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [`anthropic-ratelimit-unified-${name}`, value]),
  );
}
