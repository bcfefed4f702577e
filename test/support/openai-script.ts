// How the scripted upstream speaks OpenAI Responses, and the errors and limit headers that api.openai.com is known to send.

import {
  createdAt,
  type OpenaiErrorDetails,
  openaiErrorBody,
  openaiEvents,
  openaiLimits,
  openaiModelList,
  openaiResponse,
  openaiUsage,
} from "../../src/demo/provider/openai.ts";
import type { TokenCounts } from "../../src/usage/observer.ts";
import { type Behaviour, numberField, objectField, type RecordedRequest, stringField } from "./behaviour.ts";
import { chatAnswer, chatPath, chatUsageIn, isLastChunk } from "./chat-script.ts";
import { applyEvents, generationOf, type Script, type ScriptedAnswer } from "./script.ts";

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
    const generation = generationOf({ id: `resp_script${request.index}`, model, usage, behaviour });
    if ((request.json as { stream?: unknown } | undefined)?.stream !== true) {
      return { ...base, form: "json", document: openaiResponse(generation), billed: true };
    }
    const events = applyEvents(behaviour, openaiEvents(generation), {
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
      created_at: createdAt,
      output: [{ type: "compaction", id: `cmp_${request.index}`, encrypted_content: "Y29tcGFjdGVk" }],
      usage: openaiUsage(usage),
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

function storedAnswer(method: string, [, id, suffix]: readonly (string | undefined)[]): unknown {
  if (method === "DELETE") return { id, object: "response", deleted: true };
  if (suffix === "/input_items")
    return { object: "list", data: [], has_more: false, first_id: null, last_id: null };
  return { id, object: "response", status: suffix === "/cancel" ? "cancelled" : "completed", output: [] };
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

export function openaiError(
  status: number,
  { headers, ...details }: OpenaiErrorDetails & { headers?: Record<string, string> } = {},
): Behaviour {
  return { status, headers, body: openaiErrorBody(status, details) };
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
