// How the scripted upstream speaks Chat Completions, as api.openai.com and the hosts that imitate it do.

import type { TokenCounts } from "../../src/usage/observer.ts";
import { type Behaviour, numberField, objectField, type RecordedRequest, stringField } from "./behaviour.ts";
import { applyEvents, contentPieces, type ScriptedAnswer, splitText, type WireEvent } from "./script.ts";

export const chatPath = "/v1/chat/completions";

interface Completion {
  id: string;
  model: string;
  usage: TokenCounts;
  behaviour: Behaviour;
  /** `stream_options.include_usage`: without it a stream says nothing of its cost. */
  includeUsage: boolean;
}

export function chatAnswer(
  request: RecordedRequest,
  behaviour: Behaviour,
  usage: TokenCounts,
): Pick<ScriptedAnswer, "form" | "document" | "events"> {
  const model = stringField(request.json, "model") ?? "gpt-5";
  const asked = request.json as { stream?: unknown; stream_options?: { include_usage?: unknown } };
  const completion: Completion = {
    id: `chatcmpl-script${request.index}`,
    model,
    usage,
    behaviour,
    includeUsage: asked?.stream_options?.include_usage === true,
  };
  if (asked?.stream !== true) return { form: "json", document: documentOf(completion) };
  // Hosts keep waiting clients with comments; the family's other API has events for it.
  const events = applyEvents(behaviour, chunksOf(completion), {
    ping: ": keep-alive\n\n",
    nameOf: () => undefined,
  });
  return { form: "sse", events };
}

function* chunksOf({ id, model, usage, behaviour, includeUsage }: Completion): Generator<WireEvent> {
  const base = {
    id,
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model,
    service_tier: "default",
  };
  const rest = includeUsage ? { usage: null } : {};
  const chunk = (delta: unknown, finish: string | null = null): WireEvent => ({
    data: { ...base, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], ...rest },
  });
  yield chunk({ role: "assistant", content: "", refusal: null });
  for (const piece of contentPieces(behaviour)) {
    if (piece.kind === "tool") {
      const { id: call, name, input } = piece;
      yield chunk({
        tool_calls: [{ index: 0, id: call, type: "function", function: { name, arguments: "" } }],
      });
      for (const part of splitText(JSON.stringify(input), behaviour.events ?? 3)) {
        yield chunk({ tool_calls: [{ index: 0, function: { arguments: part } }] });
      }
    } else {
      const field = piece.kind === "text" ? "content" : "reasoning_content";
      for (const part of splitText(piece.text, behaviour.events ?? 3)) yield chunk({ [field]: part });
    }
  }
  yield chunk({}, behaviour.stopReason ?? "stop");
  if (includeUsage) yield { data: { ...base, choices: [], usage: chatUsageObject(usage) } };
  yield "data: [DONE]\n\n";
}

function documentOf({ id, model, usage, behaviour }: Completion): unknown {
  const pieces = contentPieces(behaviour);
  const content = pieces.map((piece) => (piece.kind === "text" ? piece.text : "")).join("");
  const message = { role: "assistant", content, refusal: null };
  return {
    id,
    object: "chat.completion",
    created: 1_790_000_000,
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: behaviour.stopReason ?? "stop" }],
    usage: chatUsageObject(usage),
    service_tier: "default",
  };
}

function chatUsageObject(usage: TokenCounts): unknown {
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

export function chatUsageIn(data: unknown): Partial<TokenCounts> | undefined {
  const usage = objectField(data, "usage");
  const prompt = numberField(usage, "prompt_tokens");
  if (prompt === undefined) return undefined;
  const details = objectField(usage, "prompt_tokens_details");
  const cached = numberField(details, "cached_tokens") ?? 0;
  const written = numberField(details, "cache_write_tokens") ?? 0;
  return {
    input: prompt - cached - written,
    output: numberField(usage, "completion_tokens"),
    cacheRead: cached,
    cacheWrite5m: written,
    reasoning: numberField(objectField(usage, "completion_tokens_details"), "reasoning_tokens"),
  };
}

/** The last chunk that says something; `[DONE]` is no JSON. */
export function isLastChunk(data: unknown): boolean {
  const choices = (data as { choices?: { finish_reason?: unknown }[] } | undefined)?.choices;
  return stringField(data, "object") === "chat.completion" || choices?.[0]?.finish_reason != null;
}
