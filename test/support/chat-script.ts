// How the scripted upstream speaks Chat Completions, as api.openai.com and the hosts that imitate it do.

import { chatChunks, chatCompletion } from "../../src/demo/provider/chat.ts";
import type { TokenCounts } from "../../src/usage/observer.ts";
import { type Behaviour, numberField, objectField, type RecordedRequest, stringField } from "./behaviour.ts";
import { applyEvents, generationOf, type ScriptedAnswer } from "./script.ts";

export const chatPath = "/v1/chat/completions";

export function chatAnswer(
  request: RecordedRequest,
  behaviour: Behaviour,
  usage: TokenCounts,
): Pick<ScriptedAnswer, "form" | "document" | "events"> {
  const model = stringField(request.json, "model") ?? "gpt-5";
  const asked = request.json as { stream?: unknown; stream_options?: { include_usage?: unknown } };
  const completion = {
    ...generationOf({ id: `chatcmpl-script${request.index}`, model, usage, behaviour }),
    includeUsage: asked?.stream_options?.include_usage === true,
  };
  if (asked?.stream !== true) return { form: "json", document: chatCompletion(completion) };
  // Hosts keep waiting clients with comments; the family's other API has events for it.
  const events = applyEvents(behaviour, chatChunks(completion), {
    ping: ": keep-alive\n\n",
    nameOf: () => undefined,
  });
  return { form: "sse", events };
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
