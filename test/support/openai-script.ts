// How the scripted upstream speaks OpenAI Responses, and the errors and limit headers that api.openai.com is known to send.

import type { TokenCounts } from "../../src/usage/observer.ts";
import {
  type Behaviour,
  type ContentPiece,
  numberField,
  objectField,
  type RecordedRequest,
  stringField,
} from "./behaviour.ts";
import { chatAnswer, chatPath, chatUsageIn, isLastChunk } from "./chat-script.ts";
import {
  applyEvents,
  contentPieces,
  type Script,
  type ScriptedAnswer,
  splitText,
  type WireEvent,
} from "./script.ts";

export const openaiScript: Script = { answer, usageIn, isTerminal, isError };

/** Under which a ChatGPT login finds its own backend. */
export const codexPath = "/backend-api/codex";
export const codexModels = ["gpt-5.6-codex", "gpt-5-codex-mini"];

export const openaiModels = ["gpt-5", "gpt-5.6", "gpt-5-mini"];

function answer(
  request: RecordedRequest,
  behaviour: Behaviour,
  usage: TokenCounts,
): ScriptedAnswer | undefined {
  const headers = {
    "x-request-id": `req_openai${request.index}`,
    "openai-version": "2020-10-01",
    "openai-processing-ms": "12",
    "openai-organization": "org-of-script",
  };
  const base = { headers, newline: "\n" as const, billed: false };
  const route = `${request.method} ${request.path}`;
  if (route === "POST /v1/responses") {
    const model = stringField(request.json, "model") ?? "gpt-5";
    const generation = { id: `resp_script${request.index}`, model, usage, behaviour };
    if ((request.json as { stream?: unknown } | undefined)?.stream !== true) {
      return { ...base, form: "json", document: finalResponse(generation), billed: true };
    }
    const events = applyEvents(behaviour, responseEvents(generation), {
      ping: { name: "keepalive", data: { type: "keepalive" } },
      nameOf: (data) => stringField(data, "type"),
    });
    return { ...base, form: "sse", events, billed: true };
  }
  if (route === `POST ${chatPath}`)
    return { ...base, ...chatAnswer(request, behaviour, usage), billed: true };
  if (route === "POST /v1/responses/compact") {
    const document = {
      id: `resp_compact${request.index}`,
      object: "response.compaction",
      created_at: 1_790_000_000,
      output: [{ type: "compaction", id: `cmp_${request.index}`, encrypted_content: "Y29tcGFjdGVk" }],
      usage: usageObject(usage),
    };
    return { ...base, form: "json", document, billed: true };
  }
  if (route === "POST /v1/responses/input_tokens") {
    const document = { object: "response.input_tokens", input_tokens: Math.ceil(request.body.length / 4) };
    return { ...base, form: "json", document };
  }
  if (request.url.startsWith(`${codexPath}/models`))
    return { ...base, form: "json", document: { models: codexModels.map((slug) => ({ slug })) } };
  if (route === "GET /v1/models") return { ...base, form: "json", document: openaiModelList(openaiModels) };
  const stored = /^\/v1\/responses\/([^/]+)(\/cancel|\/input_items)?$/.exec(request.path);
  if (stored !== null) return { ...base, form: "json", document: storedAnswer(request.method, stored) };
  return undefined;
}

function storedAnswer(method: string, [, id, cooldown]: readonly (string | undefined)[]): unknown {
  if (method === "DELETE") return { id, object: "response", deleted: true };
  if (cooldown === "/input_items")
    return { object: "list", data: [], has_more: false, first_id: null, last_id: null };
  return { id, object: "response", status: cooldown === "/cancel" ? "cancelled" : "completed", output: [] };
}

export function openaiModelList(ids: readonly string[]): unknown {
  return {
    object: "list",
    data: ids.map((id) => ({ id, object: "model", created: 1_750_000_000, owned_by: "openai" })),
  };
}

interface Generation {
  id: string;
  model: string;
  usage: TokenCounts;
  behaviour: Behaviour;
}

function* responseEvents(generation: Generation): Generator<WireEvent> {
  let sequence = 0;
  const event = (type: string, fields: Record<string, unknown>): WireEvent => ({
    name: type,
    data: { type, sequence_number: sequence++, ...fields },
  });
  yield event("response.created", { response: emptyResponse(generation) });
  yield event("response.in_progress", { response: emptyResponse(generation) });
  for (const [index, piece] of contentPieces(generation.behaviour).entries()) {
    const done = outputItem(piece, index);
    const place = { item_id: done.id, output_index: index };
    yield event("response.output_item.added", {
      output_index: index,
      item: { ...done, status: "in_progress" },
    });
    if (piece.kind === "tool") {
      const { family, field, text } = toolInput(piece);
      for (const delta of splitText(text, generation.behaviour.events ?? 3)) {
        yield event(`response.${family}.delta`, { ...place, delta });
      }
      yield event(`response.${family}.done`, { ...place, [field]: text });
    } else {
      const kind = piece.kind === "text" ? "response.output_text" : "response.reasoning_summary_text";
      for (const delta of splitText(piece.text, generation.behaviour.events ?? 3)) {
        yield event(`${kind}.delta`, { ...place, content_index: 0, delta });
      }
      yield event(`${kind}.done`, { ...place, content_index: 0, text: piece.text });
    }
    yield event("response.output_item.done", { output_index: index, item: done });
  }
  const response = finalResponse(generation);
  yield event(`response.${response.status}`, { response });
}

function emptyResponse(generation: Generation): Record<string, unknown> {
  return {
    id: generation.id,
    object: "response",
    created_at: 1_790_000_000,
    status: "in_progress",
    error: null,
    incomplete_details: null,
    model: generation.model,
    output: [],
    service_tier: "default",
    usage: null,
  };
}

function finalResponse(generation: Generation): Record<string, unknown> {
  return {
    ...emptyResponse(generation),
    status: generation.behaviour.stopReason ?? "completed",
    output: contentPieces(generation.behaviour).map(outputItem),
    usage: usageObject(generation.usage),
  };
}

function outputItem(piece: ContentPiece, index: number): Record<string, unknown> {
  if (piece.kind === "tool") {
    const { type, field, text } = toolInput(piece);
    const call = { call_id: piece.id, name: piece.name, [field]: text };
    return { type, id: `fc_${index}`, ...call, status: "completed" };
  }
  if (piece.kind === "thinking") {
    const summary = [{ type: "summary_text", text: piece.text }];
    return {
      type: "reasoning",
      id: `rs_${index}`,
      summary,
      encrypted_content: encryptedContent,
      status: "completed",
    };
  }
  const content = [{ type: "output_text", text: piece.text, annotations: [] }];
  return { type: "message", id: `msg_${index}`, role: "assistant", content, status: "completed" };
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
function usageObject(usage: TokenCounts): unknown {
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

function usageIn(data: unknown): Partial<TokenCounts> | undefined {
  const chat = chatUsageIn(data);
  if (chat !== undefined) return chat;
  const usage = objectField(data, "usage") ?? objectField(objectField(data, "response"), "usage");
  if (usage === undefined) return undefined;
  const details = objectField(usage, "input_tokens_details");
  const cached = numberField(details, "cached_tokens") ?? 0;
  const written = numberField(details, "cache_write_tokens") ?? 0;
  return {
    input: (numberField(usage, "input_tokens") ?? 0) - cached - written,
    output: numberField(usage, "output_tokens"),
    cacheRead: cached,
    cacheWrite5m: written,
    reasoning: numberField(objectField(usage, "output_tokens_details"), "reasoning_tokens"),
  };
}

function isTerminal(data: unknown): boolean {
  if (isLastChunk(data)) return true;
  const type = stringField(data, "type") ?? stringField(data, "object") ?? "";
  return /^response(\.(completed|incomplete|failed|compaction))?$/.test(type);
}

function isError(data: unknown): boolean {
  const type = stringField(data, "type");
  return type === "error" || type === "response.failed" || objectField(data, "error") !== undefined;
}

export interface OpenaiErrorDetails {
  message?: string;
  type?: string | null;
  code?: string | null;
  param?: string | null;
  headers?: Record<string, string>;
  /** Further members of `error`. */
  extra?: Record<string, unknown>;
}

export function openaiError(status: number, details: OpenaiErrorDetails = {}): Behaviour {
  const error = {
    message: details.message ?? `scripted error ${status}`,
    type: details.type ?? "invalid_request_error",
    param: details.param ?? null,
    code: details.code ?? null,
    ...details.extra,
  };
  return { status, headers: details.headers, body: { error } };
}

/** A `response.failed` event. */
export function openaiFailedEvent(code: string, message = `scripted ${code}`): unknown {
  return {
    type: "response.failed",
    sequence_number: 1,
    response: {
      id: "resp_failed",
      object: "response",
      status: "failed",
      error: { code, message },
      usage: null,
    },
  };
}

/** Limits as `x-ratelimit-*`; resets are Go durations (`6m0s`). */
export function openaiLimits(
  buckets: Partial<Record<"requests" | "tokens", { limit: number; remaining: number; reset: string }>>,
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

/** The windows of a ChatGPT login, which Codex shows to its user. */
export function codexLimits(
  windows: Partial<
    Record<"primary" | "secondary", { usedPercent: number; windowMinutes: number; resetAt: number }>
  >,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, window] of Object.entries(windows)) {
    headers[`x-codex-${name}-used-percent`] = String(window.usedPercent);
    headers[`x-codex-${name}-window-minutes`] = String(window.windowMinutes);
    headers[`x-codex-${name}-reset-at`] = String(window.resetAt);
  }
  return headers;
}

/** Of every reasoning item. */
export const encryptedContent = "ZW5jcnlwdGVk";

export const openaiFailures = {
  rateLimited: (retryAfter = 20): Behaviour =>
    openaiError(429, {
      message: `Rate limit reached for gpt-5 on requests per min (RPM). Please try again in ${retryAfter}s.`,
      type: "requests",
      code: "rate_limit_exceeded",
      headers: openaiLimits({ requests: { limit: 500, remaining: 0, reset: `${retryAfter}s` } }, retryAfter),
    }),
  bare429: (): Behaviour =>
    openaiError(429, { type: "requests", code: "rate_limit_exceeded", message: "Slow." }),
  quota: (): Behaviour =>
    openaiError(429, {
      message: "You exceeded your current quota, please check your plan and billing details.",
      type: "insufficient_quota",
      code: "insufficient_quota",
    }),
  usageLimit: (resetsAt: number): Behaviour =>
    openaiError(429, {
      message: "The usage limit has been reached",
      type: "usage_limit_reached",
      extra: { plan_type: "plus", resets_at: Math.floor(resetsAt / 1000) },
    }),
  unauthorized: (): Behaviour =>
    openaiError(401, { message: "Incorrect API key provided.", code: "invalid_api_key" }),
  modelMissing: (): Behaviour =>
    openaiError(404, {
      message: "The model does not exist or you do not have access to it.",
      code: "model_not_found",
    }),
  overloaded: (): Behaviour =>
    openaiError(503, {
      message: "The server is overloaded.",
      type: "server_error",
      code: "server_is_overloaded",
    }),
  serverError: (): Behaviour =>
    openaiError(500, { message: "The server had an error.", type: "server_error" }),
  previousResponseNotFound: (id: string): Behaviour =>
    openaiError(400, {
      message: `Previous response with id '${id}' not found.`,
      param: "previous_response_id",
      code: "previous_response_not_found",
    }),
  invalidRequest: (): Behaviour => openaiError(400, { message: "Unsupported parameter.", param: "foo" }),
} as const;
