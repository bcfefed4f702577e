// How the OpenAI API, and the hosts that imitate it, write a chat completion and its stream.

import type { TokenCounts } from "../../usage/observer.ts";
import { type ContentPiece, callsTool, type Generation, type WireEvent } from "./generation.ts";
import { createdAt } from "./openai.ts";

export interface ChatGeneration extends Generation {
  /** `stream_options.include_usage`: without it a stream says nothing of its cost. */
  includeUsage: boolean;
  /** Unix seconds. */
  created?: number;
}

export function chatCompletion(generation: ChatGeneration): Record<string, unknown> {
  const { id, model, pieces, usage, created = createdAt } = generation;
  const content = pieces.map((piece) => (piece.kind === "text" ? piece.text : "")).join("");
  const calls = pieces.flatMap((piece) => (piece.kind === "tool" ? [toolCall(piece)] : []));
  const message = {
    ...{ role: "assistant", content: content === "" && calls.length > 0 ? null : content, refusal: null },
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  return {
    id,
    object: "chat.completion",
    created,
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: stopReason(generation) }],
    usage: usageObject(usage),
    service_tier: "default",
  };
}

export function* chatChunks(generation: ChatGeneration): Generator<WireEvent> {
  const { id, model, usage, includeUsage, split, created = createdAt } = generation;
  const base = { id, object: "chat.completion.chunk", created, model, service_tier: "default" };
  // With usage every chunk has the member, and one of its own, without choices, has the figures.
  const rest = includeUsage ? { usage: null } : {};
  const chunk = (delta: unknown, finish: string | null = null): WireEvent => ({
    data: { ...base, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], ...rest },
  });
  yield chunk({ role: "assistant", content: "", refusal: null });
  for (const piece of generation.pieces) for (const delta of deltas(piece, split)) yield chunk(delta);
  yield chunk({}, stopReason(generation));
  if (includeUsage) yield { data: { ...base, choices: [], usage: usageObject(usage) } };
  yield "data: [DONE]\n\n";
}

function* deltas(piece: ContentPiece, split: Generation["split"]): Generator<unknown> {
  if (piece.kind === "tool") {
    const call = toolCall(piece);
    const { arguments: written, ...named } = call.function;
    yield { tool_calls: [{ index: 0, ...call, function: { ...named, arguments: "" } }] };
    for (const part of split(written)) yield { tool_calls: [{ index: 0, function: { arguments: part } }] };
  } else {
    const field = piece.kind === "text" ? "content" : "reasoning_content";
    for (const part of split(piece.text)) yield { [field]: part };
  }
}

function toolCall({ id, name, input }: { id: string; name: string; input: unknown }) {
  return { id, type: "function", function: { name, arguments: JSON.stringify(input) } };
}

function stopReason(generation: Generation): string {
  return generation.stopReason ?? (callsTool(generation) ? "tool_calls" : "stop");
}

function usageObject(usage: TokenCounts): Record<string, unknown> {
  const written = usage.cacheWrite5m + usage.cacheWrite1h;
  const prompt = usage.input + usage.cacheRead + written;
  return {
    prompt_tokens: prompt,
    completion_tokens: usage.output,
    total_tokens: prompt + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: written, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoning, audio_tokens: 0 },
  };
}
