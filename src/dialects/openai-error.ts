// Renders an error in the form of the Responses API.

import { type RelayError, type RelayErrorCode, relayErrors } from "../domain/errors.ts";
import type { RenderedError } from "./dialect.ts";
import { errorHeaders, maxWaitSeconds, retryAfterSeconds } from "./error-headers.ts";

/** @param now epoch ms: a limit that lasts is sent with the time of its end. */
export function renderOpenaiError(error: RelayError, now: number): RenderedError {
  const { type, code, param = null, ...rest } = errorFields(error, now);
  return {
    // The API itself answers 400 for a previous response that is not there.
    status: error.code === "binding_gone" ? 400 : relayErrors[error.code].status,
    headers: errorHeaders(error),
    body: JSON.stringify({ error: { message: error.message, type, param, code, ...rest } }),
  };
}

interface ErrorFields {
  type: string;
  code: string;
  param?: string;
  resets_at?: number;
  resets_in_seconds?: number;
}

function errorFields(error: RelayError, now: number): ErrorFields {
  switch (error.code) {
    case "invalid_key":
      return { type: "invalid_request_error", code: "invalid_api_key" };
    case "unknown_model":
      return { type: "invalid_request_error", code: "model_not_found", param: error.param ?? "model" };
    case "binding_gone":
      return {
        type: "invalid_request_error",
        code: "previous_response_not_found",
        param: error.param ?? "previous_response_id",
      };
    case "all_limited":
    case "account_in_cooldown":
      return limitFields(error, now);
    default:
      return {
        type: isServerFault(error.code) ? "server_error" : "invalid_request_error",
        code: error.code,
        param: error.param,
      };
  }
}

/**
 * Codex waits out any `retry-after` without a word, so a limit that lasts is sent as `usage_limit_reached`: there Codex stops
 * and shows when it ends (seen in Codex 0.169).
 */
function limitFields(error: RelayError, now: number): ErrorFields {
  const wait = retryAfterSeconds(error);
  if (wait === undefined || wait <= maxWaitSeconds) return { type: "requests", code: "rate_limit_exceeded" };
  return {
    type: "usage_limit_reached",
    code: "rate_limit_exceeded",
    resets_at: Math.ceil(now / 1000) + wait,
    resets_in_seconds: wait,
  };
}

function isServerFault(code: RelayErrorCode): boolean {
  return relayErrors[code].status >= 500;
}
