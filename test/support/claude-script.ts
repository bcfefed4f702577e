// How the scripted upstream speaks Claude Messages, and the errors and limit headers that api.anthropic.com is known to send.

import type { TokenCounts } from "../../src/usage/observer.ts";
import {
  type Behaviour,
  type ContentPiece,
  numberField,
  objectField,
  type RecordedRequest,
  stringField,
} from "./behaviour.ts";
import {
  applyEvents,
  contentPieces,
  type Script,
  type ScriptedAnswer,
  splitText,
  type WireEvent,
} from "./script.ts";

export const claudeScript: Script = { answer, usageIn, isTerminal, isError };

export const claudeModels = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"];

function answer(
  request: RecordedRequest,
  behaviour: Behaviour,
  usage: TokenCounts,
): ScriptedAnswer | undefined {
  const headers = {
    "request-id": `req_script${String(request.index).padStart(6, "0")}`,
    "anthropic-organization-id": "5c1d0000-0000-4000-8000-000000000001",
    via: "1.1 google",
  };
  const base = { headers, newline: "\n" as const, billed: false };
  if (request.method === "POST" && request.path === "/v1/messages") {
    const model = stringField(request.json, "model") ?? "claude-sonnet-5-5";
    const message = {
      id: `msg_script${request.index}`,
      model,
      pieces: contentPieces(behaviour),
      usage,
      behaviour,
    };
    if ((request.json as { stream?: unknown } | undefined)?.stream === true) {
      const events = applyEvents(behaviour, messageEvents(message), {
        ping: { name: "ping", data: { type: "ping" } },
        nameOf: (data) => stringField(data, "type"),
      });
      return { ...base, form: "sse", events, billed: true };
    }
    return { ...base, form: "json", document: messageDocument(message), billed: true };
  }
  if (request.method === "POST" && request.path === "/v1/messages/count_tokens") {
    return { ...base, form: "json", document: { input_tokens: Math.ceil(request.body.length / 4) } };
  }
  if (request.method === "GET" && request.path === "/v1/models") {
    return { ...base, form: "json", document: claudeModelList(claudeModels) };
  }
  if (request.method === "GET" && request.path.startsWith("/v1/models/")) {
    const id = decodeURIComponent(request.path.slice("/v1/models/".length));
    if (claudeModels.includes(id)) return { ...base, form: "json", document: modelEntry(id) };
    const missing = claudeError(404, { message: `model: ${id}` });
    return { ...base, form: "json", document: missing.body, status: 404 };
  }
  return undefined;
}

export function claudeModelList(ids: readonly string[]): unknown {
  return {
    data: ids.map(modelEntry),
    has_more: false,
    first_id: ids[0] ?? null,
    last_id: ids.at(-1) ?? null,
  };
}

function modelEntry(id: string): unknown {
  return {
    type: "model",
    id,
    display_name: id,
    created_at: "2026-08-01T00:00:00Z",
    max_input_tokens: 1_000_000,
  };
}

interface Message {
  id: string;
  model: string;
  pieces: ContentPiece[];
  usage: TokenCounts;
  behaviour: Behaviour;
}

function messageDocument(message: Message): unknown {
  return {
    id: message.id,
    type: "message",
    role: "assistant",
    model: message.model,
    content: message.pieces.map(block),
    stop_reason: stopReason(message),
    stop_sequence: null,
    usage: { ...inputUsage(message.usage), ...outputUsage(message.usage) },
  };
}

function* messageEvents(message: Message): Generator<WireEvent> {
  const event = (data: { type: string; [field: string]: unknown }): WireEvent => ({ name: data.type, data });
  yield event({
    type: "message_start",
    message: {
      id: message.id,
      type: "message",
      role: "assistant",
      model: message.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { ...inputUsage(message.usage), output_tokens: Math.min(1, message.usage.output) },
    },
  });
  for (const [index, piece] of message.pieces.entries()) {
    yield event({ type: "content_block_start", index, content_block: emptyBlock(piece) });
    for (const delta of deltas(piece, message.behaviour.events ?? 3)) {
      yield event({ type: "content_block_delta", index, delta });
    }
    yield event({ type: "content_block_stop", index });
  }
  yield event({
    type: "message_delta",
    delta: { stop_reason: stopReason(message), stop_sequence: null },
    usage: {
      input_tokens: message.usage.input,
      cache_creation_input_tokens: message.usage.cacheWrite5m + message.usage.cacheWrite1h,
      cache_read_input_tokens: message.usage.cacheRead,
      ...outputUsage(message.usage),
    },
  });
  yield event({ type: "message_stop" });
}

function stopReason(message: Message): string {
  const toolUse = message.pieces.some((piece) => piece.kind === "tool");
  return message.behaviour.stopReason ?? (toolUse ? "tool_use" : "end_turn");
}

function inputUsage(usage: TokenCounts): Record<string, unknown> {
  return {
    input_tokens: usage.input,
    cache_creation_input_tokens: usage.cacheWrite5m + usage.cacheWrite1h,
    cache_read_input_tokens: usage.cacheRead,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWrite5m,
      ephemeral_1h_input_tokens: usage.cacheWrite1h,
    },
    service_tier: "standard",
  };
}

function outputUsage(usage: TokenCounts): Record<string, unknown> {
  return {
    output_tokens: usage.output,
    ...(usage.reasoning > 0 ? { output_tokens_details: { thinking_tokens: usage.reasoning } } : {}),
  };
}

function block(piece: ContentPiece): unknown {
  if (piece.kind === "text") return { type: "text", text: piece.text };
  if (piece.kind === "thinking")
    return { type: "thinking", thinking: piece.text, signature: signature(piece.text) };
  return { type: "tool_use", id: piece.id, name: piece.name, input: piece.input };
}

function emptyBlock(piece: ContentPiece): unknown {
  if (piece.kind === "text") return { type: "text", text: "" };
  if (piece.kind === "thinking") return { type: "thinking", thinking: "", signature: "" };
  return { type: "tool_use", id: piece.id, name: piece.name, input: {} };
}

function* deltas(piece: ContentPiece, count: number): Generator<unknown> {
  if (piece.kind === "text") {
    for (const text of splitText(piece.text, count)) yield { type: "text_delta", text };
  } else if (piece.kind === "thinking") {
    for (const thinking of splitText(piece.text, count)) yield { type: "thinking_delta", thinking };
    yield { type: "signature_delta", signature: signature(piece.text) };
  } else {
    yield { type: "input_json_delta", partial_json: "" };
    for (const json of splitText(JSON.stringify(piece.input), count)) {
      yield { type: "input_json_delta", partial_json: json };
    }
  }
}

function signature(text: string): string {
  return Buffer.from(`signed:${text}`).toString("base64");
}

function usageIn(data: unknown): Partial<TokenCounts> | undefined {
  const usage = objectField(data, "usage") ?? objectField(objectField(data, "message"), "usage");
  if (usage === undefined) return undefined;
  const split = objectField(usage, "cache_creation");
  return {
    input: numberField(usage, "input_tokens"),
    output: numberField(usage, "output_tokens"),
    cacheRead: numberField(usage, "cache_read_input_tokens"),
    cacheWrite5m: numberField(split, "ephemeral_5m_input_tokens"),
    cacheWrite1h: numberField(split, "ephemeral_1h_input_tokens"),
    reasoning: numberField(objectField(usage, "output_tokens_details"), "thinking_tokens"),
  };
}

function isTerminal(data: unknown): boolean {
  const type = stringField(data, "type");
  return type === "message_stop" || type === "message";
}

function isError(data: unknown): boolean {
  return stringField(data, "type") === "error";
}

const errorTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
};

export interface ClaudeErrorDetails {
  type?: string;
  message?: string;
  /** `details.error_code` */
  code?: string;
  headers?: Record<string, string>;
}

/** An error answer in Claude's envelope. */
export function claudeError(status: number, details: ClaudeErrorDetails = {}): Behaviour {
  return {
    status,
    headers: details.headers,
    body: claudeErrorEvent(details.type ?? errorTypes[status], details),
  };
}

/** The JSON of an error event; the same as an error body. */
export function claudeErrorEvent(
  type = "api_error",
  details: Omit<ClaudeErrorDetails, "type" | "headers"> = {},
) {
  return {
    type: "error",
    error: {
      type,
      message: details.message ?? `scripted ${type}`,
      details: details.code === undefined ? null : { error_code: details.code },
    },
    request_id: "req_scripterror",
  };
}

export interface ClaudeWindow {
  status?: "allowed" | "allowed_warning" | "rejected" | string;
  /** Unix seconds. */
  reset?: number;
  utilization?: number;
  surpassedThreshold?: number;
}

export interface ClaudeOverage {
  status?: string;
  reset?: number;
  inUse?: boolean;
  disabledReason?: string;
}

/** What the unified headers say beside the single windows. */
export interface ClaudeLimitSummary {
  status?: string;
  reset?: number;
  /** `five_hour`, `seven_day`, `seven_day_opus` … */
  claim?: string;
  fallbackPercentage?: number;
  overage?: ClaudeOverage;
  retryAfter?: number;
}

/** The subscription headers, for example `claudeLimits({ "5h": { status: "rejected", reset, utilization: 1 } }, { status: "rejected" })`. */
export function claudeLimits(
  windows: Readonly<Record<string, ClaudeWindow>>,
  summary: ClaudeLimitSummary = {},
): Record<string, string> {
  const headers: Record<string, string> = {};
  const set = (name: string, value: string | number | boolean | undefined) => {
    if (value !== undefined) headers[`anthropic-ratelimit-unified-${name}`] = String(value);
  };
  set("status", summary.status);
  set("reset", summary.reset);
  set("representative-claim", summary.claim);
  set("fallback-percentage", summary.fallbackPercentage);
  for (const [name, window] of Object.entries(windows)) {
    set(`${name}-status`, window.status);
    set(`${name}-reset`, window.reset);
    set(`${name}-utilization`, window.utilization);
    set(`${name}-surpassed-threshold`, window.surpassedThreshold);
  }
  set("overage-status", summary.overage?.status);
  set("overage-reset", summary.overage?.reset);
  set("overage-in-use", summary.overage?.inUse);
  set("overage-disabled-reason", summary.overage?.disabledReason);
  if (summary.retryAfter !== undefined) headers["retry-after"] = String(summary.retryAfter);
  return headers;
}

/** The API-key headers; `reset` is RFC 3339. */
export function claudeKeyLimits(
  buckets: Partial<
    Record<
      "requests" | "tokens" | "input-tokens" | "output-tokens",
      { limit: number; remaining: number; reset: string }
    >
  >,
  retryAfter?: number,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, bucket] of Object.entries(buckets)) {
    for (const [field, value] of Object.entries(bucket)) {
      headers[`anthropic-ratelimit-${name}-${field}`] = String(value);
    }
  }
  if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
  return headers;
}

/** The failures that matter to a pool of accounts, with the wordings seen from the real API. `now` is epoch milliseconds. */
export const claudeFailures = {
  /** A subscription's window is used up. */
  windowRejected: (window: "5h" | "7d", resetsAt: number, now = Date.now()): Behaviour =>
    claudeError(429, {
      message: "This request would exceed your account's rate limit. Please try again later.",
      headers: claudeLimits(
        {
          "5h": { status: "allowed", reset: seconds(resetsAt), utilization: 0.4 },
          "7d": { status: "allowed", reset: seconds(resetsAt), utilization: 0.4 },
          [window]: { status: "rejected", reset: seconds(resetsAt), utilization: 1 },
        },
        {
          status: "rejected",
          reset: seconds(resetsAt),
          claim: window === "5h" ? "five_hour" : "seven_day",
          retryAfter: Math.max(0, Math.ceil((resetsAt - now) / 1000)),
        },
      ),
    }),
  /** Only one model family is used up. */
  modelWindowRejected: (resetsAt: number, claim = "seven_day_opus"): Behaviour =>
    claudeError(429, {
      message: "This request would exceed your account's rate limit. Please try again later.",
      headers: claudeLimits(
        {
          "5h": { status: "allowed", reset: seconds(resetsAt), utilization: 0.2 },
          "7d": { status: "allowed", reset: seconds(resetsAt), utilization: 0.6 },
          "7d_oi": { status: "rejected", reset: seconds(resetsAt), utilization: 1 },
        },
        { status: "rejected", reset: seconds(resetsAt), claim },
      ),
    }),
  /** An API key's bucket is empty. */
  bucketEmpty: (retryAfter: number, now = Date.now()): Behaviour =>
    claudeError(429, {
      message: "This request would exceed your organization's rate limit.",
      headers: claudeKeyLimits(
        { requests: { limit: 50, remaining: 0, reset: new Date(now + retryAfter * 1000).toISOString() } },
        retryAfter,
      ),
    }),
  /** A 429 without any rate-limit header. */
  bare429: (): Behaviour => claudeError(429, { headers: { "x-should-retry": "true" } }),
  extraUsage: (): Behaviour =>
    claudeError(429, { message: "Extra usage is required for long context requests." }),
  outOfCredits: (): Behaviour =>
    claudeError(429, {
      headers: claudeLimits(
        { "5h": { status: "allowed", utilization: 0.1 }, "7d": { status: "allowed", utilization: 0.1 } },
        { status: "rejected", overage: { status: "rejected", disabledReason: "out_of_credits" } },
      ),
    }),
  spendLimit: (): Behaviour =>
    claudeError(429, {
      message: "You have reached your API usage limits. You will regain access on 2027-01-01 at 00:00 UTC.",
      code: "enforced_spend_limit_reached",
    }),
  ramp: (retryAfter: number): Behaviour =>
    claudeError(429, { code: "ramp_limit_exceeded", headers: { "retry-after": String(retryAfter) } }),
  overloaded: (): Behaviour => claudeError(529, { message: "Overloaded" }),
  serverError: (status = 500): Behaviour => claudeError(status, { message: "Internal server error" }),
  unauthorized: (): Behaviour => claudeError(401, { message: "invalid x-api-key" }),
  tokenExpired: (): Behaviour =>
    claudeError(401, {
      message: "OAuth token has expired. Please obtain a new token or refresh your existing token.",
    }),
  tokenRevoked: (): Behaviour =>
    claudeError(403, { message: "OAuth token has been revoked. Please obtain a new token." }),
  modelDenied: (): Behaviour =>
    claudeError(403, { message: "Your account does not have permission to use the specified resource." }),
  creditTooLow: (): Behaviour =>
    claudeError(400, {
      message:
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
    }),
  organizationDisabled: (): Behaviour =>
    claudeError(400, { message: "This organization has been disabled." }),
  organizationOnHold: (): Behaviour => claudeError(400, { code: "organization_on_hold" }),
  billing: (): Behaviour => claudeError(402),
  invalidRequest: (message = "messages: field required"): Behaviour => claudeError(400, { message }),
  modelMissing: (model: string): Behaviour => claudeError(404, { message: `model: ${model}` }),
  tooLarge: (): Behaviour => claudeError(413, { message: "Request exceeds the maximum size" }),
} as const;

function seconds(epochMs: number): number {
  return Math.floor(epochMs / 1000);
}
