// How the OpenAI API writes a response, its stream, its errors, its limits and its models.

import type { TokenCounts } from "../../usage/observer.ts";
import type { ContentPiece, Generation, WireEvent } from "./generation.ts";

export interface ResponseGeneration extends Generation {
  /** Further members of the response. */
  members?: Record<string, unknown>;
  /** The stream says where each part of an item begins and ends: SDKs that put a response together need it. */
  announcesParts?: boolean;
  /** Reasoning comes without its encrypted form, as it does where `include` does not ask for it. */
  hidesReasoning?: boolean;
  /** Makes the ids of items differ from one response to the next. */
  itemSuffix?: string;
}

/** When all scripted responses were made, unless `members` say otherwise: unix seconds. */
export const createdAt = 1_790_000_000;
/** Of every reasoning item that has one. */
export const encryptedContent = "ZW5jcnlwdGVk";

export function openaiResponse(generation: ResponseGeneration): Record<string, unknown> {
  const { stopReason = "completed", pieces, usage } = generation;
  return {
    ...unfinished(generation),
    status: stopReason,
    output: pieces.map((piece, index) => outputItem(piece, index, generation)),
    usage: openaiUsage(usage),
  };
}

function unfinished({ id, model, members }: ResponseGeneration): Record<string, unknown> {
  return {
    id,
    object: "response",
    created_at: createdAt,
    status: "in_progress",
    error: null,
    incomplete_details: null,
    model,
    output: [],
    service_tier: "default",
    usage: null,
    ...members,
  };
}

export function* openaiEvents(generation: ResponseGeneration): Generator<WireEvent> {
  let sequence = 0;
  const event = (type: string, fields: Record<string, unknown>): WireEvent => ({
    name: type,
    data: { type, sequence_number: sequence++, ...fields },
  });
  yield event("response.created", { response: unfinished(generation) });
  yield event("response.in_progress", { response: unfinished(generation) });
  for (const [index, piece] of generation.pieces.entries()) {
    const item = outputItem(piece, index, generation);
    const at = { output_index: index, item };
    yield event("response.output_item.added", {
      ...at,
      item: { ...item, status: "in_progress", ...(generation.announcesParts && nothingYet(piece)) },
    });
    for (const [type, fields] of itemEvents(piece, generation))
      yield event(type, { item_id: item.id, output_index: index, ...fields });
    yield event("response.output_item.done", at);
  }
  yield event(`response.${generation.stopReason ?? "completed"}`, { response: openaiResponse(generation) });
}

function* itemEvents(
  piece: ContentPiece,
  { split, announcesParts }: ResponseGeneration,
): Generator<[type: string, fields: Record<string, unknown>]> {
  if (piece.kind === "tool") {
    const { family, field, text } = toolInput(piece);
    for (const delta of split(text)) yield [`response.${family}.delta`, { delta }];
    yield [`response.${family}.done`, { [field]: text }];
    return;
  }
  const isText = piece.kind === "text";
  const kind = isText ? "response.output_text" : "response.reasoning_summary_text";
  const partKind = isText ? "response.content_part" : "response.reasoning_summary_part";
  const place = isText ? { content_index: 0 } : { summary_index: 0 };
  const part = contentPart(piece);
  if (announcesParts) yield [`${partKind}.added`, { ...place, part: { ...part, text: "" } }];
  for (const delta of split(piece.text)) yield [`${kind}.delta`, { ...place, delta }];
  yield [`${kind}.done`, { ...place, text: piece.text }];
  if (announcesParts) yield [`${partKind}.done`, { ...place, part }];
}

/** What an item that has just been added does not have yet. */
function nothingYet(piece: ContentPiece): Record<string, unknown> {
  if (piece.kind === "tool") return { [toolInput(piece).field]: "" };
  return piece.kind === "text" ? { content: [] } : { summary: [] };
}

function outputItem(
  piece: ContentPiece,
  index: number,
  { itemSuffix = "", hidesReasoning = false }: ResponseGeneration,
): Record<string, unknown> {
  const id = `${index}${itemSuffix}`;
  switch (piece.kind) {
    case "tool": {
      const { type, field, text } = toolInput(piece);
      return {
        type,
        id: `fc_${id}`,
        call_id: piece.id,
        name: piece.name,
        [field]: text,
        status: "completed",
      };
    }
    case "thinking": {
      const encrypted = hidesReasoning ? {} : { encrypted_content: encryptedContent };
      return {
        type: "reasoning",
        id: `rs_${id}`,
        summary: [contentPart(piece)],
        ...encrypted,
        status: "completed",
      };
    }
    case "text": {
      const content = [contentPart(piece)];
      return { type: "message", id: `msg_${id}`, role: "assistant", content, status: "completed" };
    }
  }
}

function contentPart({ kind, text }: Exclude<ContentPiece, { kind: "tool" }>): Record<string, unknown> {
  return kind === "text" ? { type: "output_text", text, annotations: [] } : { type: "summary_text", text };
}

/** A custom tool, such as Codex's `exec`, takes free text; a function takes JSON. */
function toolInput({ input }: { input: unknown }): Record<"type" | "family" | "field" | "text", string> {
  return typeof input === "string"
    ? { type: "custom_tool_call", family: "custom_tool_call_input", field: "input", text: input }
    : {
        type: "function_call",
        family: "function_call_arguments",
        field: "arguments",
        text: JSON.stringify(input),
      };
}

/** OpenAI has one kind of cache write; both of the relay's kinds go into it. */
export function openaiUsage(usage: TokenCounts): Record<string, unknown> {
  const written = usage.cacheWrite5m + usage.cacheWrite1h;
  const input = usage.input + usage.cacheRead + written;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: written },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: input + usage.output,
  };
}

export interface OpenaiErrorDetails {
  message?: string;
  type?: string | null;
  code?: string | null;
  param?: string | null;
  /** Further members of `error`. */
  extra?: Record<string, unknown>;
}

export function openaiErrorBody(status: number, details: OpenaiErrorDetails = {}) {
  return {
    error: {
      message: details.message ?? `scripted error ${status}`,
      type: details.type ?? "invalid_request_error",
      param: details.param ?? null,
      code: details.code ?? null,
      ...details.extra,
    },
  };
}

export interface OpenaiBucket {
  limit: number;
  remaining: number;
  /** A Go duration: `6m0s`. */
  reset: string;
}

/** Limits as `x-ratelimit-*`. */
export function openaiLimits(
  buckets: Partial<Record<"requests" | "tokens", OpenaiBucket>>,
  retryAfter?: number,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, bucket] of Object.entries(buckets)) {
    for (const [field, value] of Object.entries(bucket))
      headers[`x-ratelimit-${field}-${name}`] = String(value);
  }
  if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
  return headers;
}

export function openaiModelList(ids: readonly string[]): Record<string, unknown> {
  return { object: "list", data: ids.map(openaiModelEntry) };
}

export function openaiModelEntry(id: string): Record<string, unknown> {
  return { id, object: "model", created: 1_750_000_000, owned_by: "openai" };
}
