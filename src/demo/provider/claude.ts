// How the Claude API writes a message, its stream, its errors, its limits and its models.

import type { TokenCounts } from "../../usage/observer.ts";
import { type ContentPiece, callsTool, type Generation, type WireEvent } from "./generation.ts";

export function claudeMessage(generation: Generation): Record<string, unknown> {
  const { id, model, pieces, usage } = generation;
  return {
    id,
    type: "message",
    role: "assistant",
    model,
    content: pieces.map(block),
    stop_reason: stopReason(generation),
    stop_sequence: null,
    usage: { ...inputUsage(usage), ...outputUsage(usage) },
  };
}

export function* claudeEvents(generation: Generation): Generator<WireEvent> {
  const { usage, split } = generation;
  const event = (data: { type: string; [field: string]: unknown }): WireEvent => ({ name: data.type, data });
  yield event({
    type: "message_start",
    message: {
      ...claudeMessage(generation),
      content: [],
      stop_reason: null,
      usage: { ...inputUsage(usage), output_tokens: Math.min(1, usage.output) },
    },
  });
  for (const [index, piece] of generation.pieces.entries()) {
    yield event({ type: "content_block_start", index, content_block: emptyBlock(piece) });
    for (const delta of deltas(piece, split)) yield event({ type: "content_block_delta", index, delta });
    yield event({ type: "content_block_stop", index });
  }
  yield event({
    type: "message_delta",
    delta: { stop_reason: stopReason(generation), stop_sequence: null },
    usage: {
      input_tokens: usage.input,
      cache_creation_input_tokens: usage.cacheWrite5m + usage.cacheWrite1h,
      cache_read_input_tokens: usage.cacheRead,
      ...outputUsage(usage),
    },
  });
  yield event({ type: "message_stop" });
}

function stopReason(generation: Generation): string {
  return generation.stopReason ?? (callsTool(generation) ? "tool_use" : "end_turn");
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

function block(piece: ContentPiece): Record<string, unknown> {
  if (piece.kind === "text") return { type: "text", text: piece.text };
  if (piece.kind === "thinking")
    return { type: "thinking", thinking: piece.text, signature: signature(piece.text) };
  return { type: "tool_use", id: piece.id, name: piece.name, input: piece.input };
}

function emptyBlock(piece: ContentPiece): Record<string, unknown> {
  if (piece.kind === "text") return { type: "text", text: "" };
  if (piece.kind === "thinking") return { type: "thinking", thinking: "", signature: "" };
  return { ...block(piece), input: {} };
}

function* deltas(piece: ContentPiece, split: Generation["split"]): Generator<unknown> {
  if (piece.kind === "text") {
    for (const text of split(piece.text)) yield { type: "text_delta", text };
  } else if (piece.kind === "thinking") {
    if (piece.text !== "")
      for (const thinking of split(piece.text)) yield { type: "thinking_delta", thinking };
    yield { type: "signature_delta", signature: signature(piece.text) };
  } else {
    yield { type: "input_json_delta", partial_json: "" };
    for (const json of split(JSON.stringify(piece.input))) {
      yield { type: "input_json_delta", partial_json: json };
    }
  }
}

function signature(text: string): string {
  return Buffer.from(`signed:${text}`).toString("base64");
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
  requestId?: string;
}

/** The body of an error; an error event has the same. */
export function claudeErrorBody(status: number | undefined, details: ClaudeErrorDetails = {}) {
  const type = details.type ?? errorTypes[status ?? 500] ?? "api_error";
  return {
    type: "error",
    error: {
      type,
      message: details.message ?? `scripted ${type}`,
      details: details.code === undefined ? null : { error_code: details.code },
    },
    request_id: details.requestId ?? "req_scripterror",
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

export function claudeModelList(ids: readonly string[]): Record<string, unknown> {
  return {
    data: ids.map(claudeModelEntry),
    has_more: false,
    first_id: ids[0] ?? null,
    last_id: ids.at(-1) ?? null,
  };
}

export function claudeModelEntry(id: string): Record<string, unknown> {
  return {
    type: "model",
    id,
    display_name: id,
    created_at: "2026-08-01T00:00:00Z",
    max_input_tokens: 1_000_000,
  };
}
