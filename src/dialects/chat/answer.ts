// An unstreamed answer: the whole Claude message as one chat completion.

import type { HeaderMap } from "../../call.ts";
import { RelayError } from "../../errors.ts";
import type { AnswerTransform } from "../../sse/transform.ts";
import { chatUsage, completionId, finishReason, refusalText } from "./completion.ts";
import { answerHeaders } from "./headers.ts";
import { isJsonObject, type JsonObject, parseJsonExactly } from "./json.ts";
import type { AnswerForm } from "./request/convert.ts";

/** Room for any answer: the largest ones hold a few megabytes of text. */
export const maxAnswerBytes = 64 * 1024 * 1024;

export interface AnswerOptions {
  head: { headers: HeaderMap };
  form: Pick<AnswerForm, "legacyFunctions" | "unfenceJson">;
  /** Epoch ms, for `created`. */
  now: number;
}

export function createJsonAnswer({ head, form, now }: AnswerOptions): AnswerTransform {
  const chunks: Buffer[] = [];
  let size = 0;

  return {
    headers: answerHeaders(head.headers, "application/json"),
    push(chunk) {
      size += chunk.length;
      if (size <= maxAnswerBytes) chunks.push(chunk);
      else chunks.length = 0;
      return nothing;
    },
    end() {
      if (size > maxAnswerBytes) {
        throw new RelayError("upstream_unreachable", "The provider's answer is too large to convert.");
      }
      const message = parseJsonExactly(Buffer.concat(chunks).toString("utf8"))?.value;
      if (!isJsonObject(message) || !Array.isArray(message.content)) {
        throw new RelayError(
          "upstream_unreachable",
          "The provider's answer was not a complete message; send the request again.",
        );
      }
      return Buffer.from(JSON.stringify(convertMessage(message, form, now)));
    },
    // A JSON document has no place for an error: that the connection is reset says it.
    fail: () => undefined,
  };
}

const nothing = Buffer.alloc(0);

function convertMessage(message: JsonObject, form: AnswerOptions["form"], now: number): JsonObject {
  return {
    id: completionId(message.id),
    object: "chat.completion",
    created: Math.floor(now / 1000),
    model: message.model,
    choices: [
      {
        index: 0,
        message: chatMessage(message, form),
        logprobs: null,
        finish_reason: finishReason(message.stop_reason, form),
      },
    ],
    usage: chatUsage(isJsonObject(message.usage) ? message.usage : {}),
  };
}

function chatMessage(message: JsonObject, form: AnswerOptions["form"]): JsonObject {
  const blocks = (message.content as unknown[]).filter(isJsonObject);
  const text = joined(blocks, "text", "text");
  const reasoning = joined(blocks, "thinking", "thinking");
  const calls = blocks.filter(({ type }) => type === "tool_use").map(toolCall);
  const refused = message.stop_reason === "refusal";
  return {
    role: "assistant",
    content: calls.length > 0 && text === "" ? null : form.unfenceJson ? unfence(text) : text,
    refusal: refused ? refusalText(message.stop_details) : null,
    ...(calls.length > 0 ? callsOf(calls, form.legacyFunctions) : {}),
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
  };
}

interface ChatToolCall {
  id: unknown;
  type: "function";
  function: { name: unknown; arguments: string };
}

function toolCall(block: JsonObject): ChatToolCall {
  const input = block.input ?? {};
  return {
    id: block.id,
    type: "function",
    function: { name: block.name, arguments: JSON.stringify(input) },
  };
}

/** The legacy form has room for one call, and Claude was asked for no more. */
function callsOf(calls: readonly ChatToolCall[], legacy: boolean): JsonObject {
  return legacy ? { function_call: calls[0]?.function } : { tool_calls: calls };
}

function joined(blocks: readonly JsonObject[], type: string, field: string): string {
  return blocks
    .filter((block) => block.type === type && typeof block[field] === "string")
    .map((block) => block[field])
    .join("");
}

/** Asked in words for JSON, models like to put it into a Markdown fence. */
function unfence(text: string): string {
  const trimmed = text.trim();
  const opening = /^```(?:json)?[ \t]*\r?\n/i.exec(trimmed);
  if (!opening || !trimmed.endsWith("```") || trimmed.length < opening[0].length + 3) return text;
  return trimmed.slice(opening[0].length, -3).trim();
}
