// Errors in OpenAI's form: those of the provider, those that come inside its stream, and the relay's own.

import type { HeaderMap } from "../../domain/call.ts";
import { type RelayError, type RelayErrorCode, relayErrors } from "../../domain/errors.ts";
import { readRetryAfter } from "../../network/retry-after.ts";
import type { RenderedError } from "../dialect.ts";
import { errorHeaders, maxWaitSeconds, retryAfterSeconds } from "../error-headers.ts";
import { first, requestIdForOpenAi } from "./headers.ts";
import { InvalidChatRequest } from "./invalid.ts";
import { isJsonObject, type JsonObject, parseJson } from "./json.ts";

/** The value of `error`. */
export interface OpenAiError {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

export interface ErrorOptions {
  /** See the failure `unexplained-refusal`. */
  isUnexplained?: boolean | undefined;
  /** Epoch ms: a wait may be given as the time of its end. */
  now: number;
}

/** An error answer of the provider, after failover is used up. An event's JSON under a 200 has the status of its type. */
export function renderProviderError(
  head: { status: number; headers: HeaderMap },
  body: Buffer,
  { isUnexplained = false, now }: ErrorOptions,
): RenderedError {
  const { type, message } = readEnvelope(parseJson(body.toString("utf8"))?.value);
  const said = head.status < 300 ? statusOfType(type) : head.status;
  const { status, error } = translate(said, type, message ?? `The provider answered ${said}.`, isUnexplained);
  const headers = ["content-type", "application/json"];
  for (const name of ["retry-after", "retry-after-ms", "x-should-retry", "request-id", "x-request-id"]) {
    const value = first(head.headers[name]);
    if (value !== undefined) headers.push(name, value);
  }
  headers.push(...requestIdForOpenAi(head.headers));
  const isLimit = status === 429 || status === 503;
  const until = isLimit ? readRetryAfter(head.headers, now) : undefined;
  if (until !== undefined && until > now + maxWaitSeconds * 1000) Object.assign(error, longLimit);
  // A client that tries again meets the same refused credentials.
  if (error.code === noAccount && head.headers["x-should-retry"] === undefined)
    headers.push("x-should-retry", "false");
  return { status, headers, body: JSON.stringify({ error }) };
}

/** An `error` event inside a stream; it has no status, its type says as much. */
export function errorOfEvent(event: JsonObject): OpenAiError {
  const { type, message } = readEnvelope(event);
  return translate(statusOfType(type), type, message ?? "The provider reported an error inside the stream.")
    .error;
}

function statusOfType(type: string | undefined): number {
  return (type !== undefined && statusByType.get(type)) || 500;
}

/**
 * Older models and some hosts refuse a conversation that begins with the assistant. api.anthropic.com takes it, so it is
 * sent as it is first.
 */
export function isFirstRoleRefusal(status: number, body: Buffer): boolean {
  return status === 400 && /first message must use the \W{0,2}user\W{0,2} role/i.test(beginningOf(body));
}

/** What a refusal leaves for the answer that says prompt and `max_tokens` together are too much; undefined for any other. */
export function roomForAnswer(status: number, body: Buffer): number | undefined {
  if (status !== 400) return undefined;
  const stated = /exceed context limit: (\d{1,9}) \+ \d{1,9} > (\d{1,9})/.exec(beginningOf(body));
  const room = stated === null ? 0 : Number(stated[2]) - Number(stated[1]);
  return room > 0 ? room : undefined;
}

function beginningOf(body: Buffer): string {
  return body.toString("utf8", 0, maxWording);
}

export function renderRelayError(error: RelayError): RenderedError {
  return {
    status: relayErrors[error.code].status,
    headers: errorHeaders(error),
    body: JSON.stringify({ error: errorOfRelay(error) }),
  };
}

export function errorOfRelay(error: RelayError): OpenAiError {
  const { type, code } = isLongLimit(error) ? longLimit : relayForms[error.code];
  const invalid = error instanceof InvalidChatRequest ? (error.apiCode ?? null) : undefined;
  const param = error.param ?? (error.code === "unknown_model" ? "model" : null);
  return { message: error.message, type, param, code: invalid === undefined ? code : invalid };
}

/** An error says what it means at its beginning. */
const maxWording = 4096;

/**
 * The error event that ends a stream in the middle. It had been reached, so `upstream_unreachable` would not be true; and
 * clients that look for "retry" in the sentence do so.
 */
export function truncation(error: RelayError): OpenAiError {
  const own = errorOfRelay(error);
  if (error.code !== "upstream_unreachable") return own;
  const isAdvised = /please retry your request/i.test(own.message);
  const message = isAdvised
    ? own.message
    : `${own.message.replace(/(?:;[^;]*|\.)$/, "")}; please retry your request.`;
  return { ...own, message, code: "upstream_truncated" };
}

const invalidRequest = "invalid_request_error";
const serverError = "server_error";
const noAccount = "no_available_account";
const overloaded = "server_is_overloaded";

/** Some clients sleep through any `retry-after`, for hours (seen in async-openai and dspy); at this they stop and show the sentence. */
const longLimit = { type: "insufficient_quota", code: "insufficient_quota" };

/** A limit, or a provider that is full or broken: whatever it is, it is over in more than a minute. */
function isLongLimit(error: RelayError): boolean {
  return (retryAfterSeconds(error) ?? 0) > maxWaitSeconds;
}

/** Exhaustive, so that a new code cannot be forgotten here. */
const relayForms: Readonly<Record<RelayErrorCode, { type: string; code: string | null }>> = {
  invalid_key: { type: invalidRequest, code: "invalid_api_key" },
  forbidden_origin: { type: invalidRequest, code: "forbidden_origin" },
  forbidden_host: { type: invalidRequest, code: "forbidden_host" },
  not_found: { type: invalidRequest, code: "unknown_url" },
  unknown_account: { type: invalidRequest, code: "unknown_account" },
  unknown_model: { type: invalidRequest, code: "model_not_found" },
  binding_gone: { type: invalidRequest, code: "binding_gone" },
  method_not_allowed: { type: invalidRequest, code: "method_not_allowed" },
  body_timeout: { type: invalidRequest, code: "body_timeout" },
  body_too_large: { type: invalidRequest, code: "body_too_large" },
  invalid_request: { type: invalidRequest, code: null },
  unsupported_encoding: { type: invalidRequest, code: "unsupported_encoding" },
  upgrade_required: { type: invalidRequest, code: "upgrade_required" },
  all_limited: { type: "requests", code: "rate_limit_exceeded" },
  account_in_cooldown: { type: "requests", code: "rate_limit_exceeded" },
  not_supported: { type: invalidRequest, code: "not_supported" },
  upstream_unreachable: { type: serverError, code: "upstream_unreachable" },
  upstream_truncated: { type: serverError, code: "upstream_truncated" },
  upstream_invalid: { type: serverError, code: "upstream_invalid" },
  no_account: { type: serverError, code: noAccount },
  needs_login: { type: serverError, code: noAccount },
  over_capacity: { type: serverError, code: overloaded },
  edge_refused: { type: serverError, code: "edge_refused" },
  out_of_resources: { type: serverError, code: "out_of_resources" },
  memory_exhausted: { type: serverError, code: "memory_exhausted" },
  draining: { type: serverError, code: "draining" },
  upstream_timeout: { type: serverError, code: "upstream_timeout" },
  internal: { type: serverError, code: "internal" },
};

const statusByType: ReadonlyMap<string, number> = new Map([
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["billing_error", 402],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
  ["api_error", 500],
  ["timeout_error", 504],
  ["overloaded_error", 529],
]);

function translate(
  status: number,
  type: string | undefined,
  message: string,
  isUnexplained = false,
): { status: number; error: OpenAiError } {
  const answer = (to: number, error: Partial<OpenAiError> & { type: string }) => ({
    status: to,
    error: { message, param: null, code: null, ...error },
  });
  if (!isUnexplained && (status === 401 || status === 402 || status === 403)) {
    // The provider's own 401 would make the client doubt its key for the relay.
    return answer(503, {
      message:
        "No account can answer: the provider refused the credential of the last one; run `cc-relay accounts list`.",
      type: serverError,
      code: noAccount,
    });
  }
  if (status === 404) return answer(404, { type: invalidRequest, param: "model", code: "model_not_found" });
  if (status === 429) {
    return answer(429, { type: /token/i.test(message) ? "tokens" : "requests", code: "rate_limit_exceeded" });
  }
  if (status === 529 || type === "overloaded_error")
    return answer(503, { type: serverError, code: overloaded });
  if (status >= 500) return answer(status, { type: serverError });
  if (status < 400) return answer(502, { type: serverError });
  const code = isTooLong(message) ? "context_length_exceeded" : null;
  return answer(status, { type: invalidRequest, code });
}

function isTooLong(message: string): boolean {
  return /prompt is too long|exceed context limit/i.test(message.slice(0, maxWording));
}

/** `{"type":"error","error":{"type","message"}}`; a proxy on the way may answer in HTML, which says nothing. */
function readEnvelope(value: unknown): { type: string | undefined; message: string | undefined } {
  const error = isJsonObject(value) && isJsonObject(value.error) ? value.error : {};
  return { type: text(error.type), message: text(error.message) };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
