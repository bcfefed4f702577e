// The common part of streamed and unstreamed answers: ids, why the model stopped, and the tokens it cost.

import { isJsonObject, type JsonObject } from "./json.ts";

export type FinishReason = "stop" | "length" | "tool_calls" | "function_call" | "content_filter";

export interface ChatUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: { cached_tokens: number; cache_write_tokens: number };
  completion_tokens_details: { reasoning_tokens: number };
}

export function completionId(messageId: unknown): string {
  return `chatcmpl-${typeof messageId === "string" ? messageId : "unknown"}`;
}

export function finishReason(stopReason: unknown, options: { legacyFunctions: boolean }): FinishReason {
  switch (stopReason) {
    case "max_tokens":
    case "model_context_window_exceeded":
      return "length";
    case "tool_use":
      return options.legacyFunctions ? "function_call" : "tool_calls";
    case "refusal":
      return "content_filter";
    default:
      // end_turn, stop_sequence, pause_turn, compaction, none at all, and whatever comes later.
      return "stop";
  }
}

/** What the model says about a refusal; Claude's explanation may be missing. */
export function refusalText(stopDetails: unknown): string {
  const explanation = isJsonObject(stopDetails) ? stopDetails.explanation : undefined;
  return typeof explanation === "string" && explanation !== ""
    ? explanation
    : "The model declined to answer this request.";
}

/** Claude counts cached input apart, OpenAI within; Claude's output includes thinking, as OpenAI's includes reasoning. */
export function chatUsage(usage: JsonObject): ChatUsage {
  const cacheWrite = count(usage.cache_creation_input_tokens);
  const cacheRead = count(usage.cache_read_input_tokens);
  const prompt = count(usage.input_tokens) + cacheWrite + cacheRead;
  const completion = count(usage.output_tokens);
  const details = usage.output_tokens_details;
  const reasoning = count(isJsonObject(details) ? details.thinking_tokens : undefined);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cacheRead, cache_write_tokens: cacheWrite },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

/** A later report replaces the figures it has; those it leaves out, or has as null, stay. */
export function mergeUsage(known: JsonObject, later: unknown): JsonObject {
  if (!isJsonObject(later)) return known;
  const merged = { ...known };
  for (const [name, value] of Object.entries(later)) if (value !== null) merged[name] = value;
  return merged;
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;
}
