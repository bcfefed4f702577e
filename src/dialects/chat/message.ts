// The unstreamed form: a chat completion in one document, made of a whole message of Claude's or of the events of one.

import { RelayError } from "../../domain/errors.ts";
import type { AnswerOptions, MessageWriter } from "./answer.ts";
import { chatUsage, completionId, finishReason, mergeUsage, refusalText } from "./completion.ts";
import { errorOfEvent } from "./errors.ts";
import { isJsonObject, type JsonObject, stringifyWellFormed } from "./json.ts";
import type { AnswerForm } from "./request/convert.ts";

export function createMessageWriter({ form, now }: AnswerOptions): MessageWriter {
  const collected = createCollector();
  let written: string | undefined;

  function message(whole: JsonObject): void {
    written = stringifyWellFormed(convertMessage(whole, form, now));
  }

  return {
    get closed() {
      return written !== undefined;
    },
    message,
    event(event) {
      if (event.type === "error") throw failure(errorOfEvent(event).message);
      if (collected.add(event)) message(collected.message());
    },
    fail(error) {
      throw failure(error.message);
    },
    take() {
      const bytes = Buffer.from(written ?? "");
      if (written !== undefined) written = "";
      return bytes;
    },
  };
}

/** A JSON document has no place for an error beside its answer: that the connection is reset says it. */
function failure(message: string): RelayError {
  return new RelayError("upstream_unreachable", message);
}

interface Collector {
  /** True when the message is complete. */
  add(event: JsonObject): boolean;
  message(): JsonObject;
}

function createCollector(): Collector {
  let head: JsonObject = {};
  let usage: JsonObject = {};
  let ending: JsonObject = {};
  const blocks = new Map<unknown, JsonObject>();

  function addDelta(block: JsonObject, delta: JsonObject): void {
    const append = (field: string, piece: unknown) => {
      if (typeof piece === "string") block[field] = `${block[field] ?? ""}${piece}`;
    };
    if (delta.type === "text_delta") append("text", delta.text);
    else if (delta.type === "thinking_delta") append("thinking", delta.thinking);
    else if (delta.type === "input_json_delta") append("arguments", delta.partial_json);
  }

  return {
    add(event) {
      const { type, index } = event;
      if (type === "message_start" && isJsonObject(event.message)) {
        head = event.message;
        usage = mergeUsage(usage, head.usage);
      } else if (type === "content_block_start" && isJsonObject(event.content_block)) {
        blocks.set(index, { ...event.content_block });
      } else if (type === "content_block_delta" && isJsonObject(event.delta)) {
        const block = blocks.get(index);
        if (block) addDelta(block, event.delta);
      } else if (type === "message_delta") {
        usage = mergeUsage(usage, event.usage);
        if (isJsonObject(event.delta)) ending = { ...ending, ...event.delta };
      }
      return type === "message_stop";
    },
    message: () => ({ ...head, ...ending, usage, content: [...blocks.values()] }),
  };
}

function convertMessage(message: JsonObject, form: AnswerForm, now: number): JsonObject {
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

function chatMessage(message: JsonObject, form: AnswerForm): JsonObject {
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

function toolCall({ id, name, input, arguments: streamed }: JsonObject): ChatToolCall {
  const text = typeof streamed === "string" && streamed !== "" ? streamed : JSON.stringify(input ?? {});
  return { id, type: "function", function: { name, arguments: text } };
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

/** Asked by a prompt for JSON, models like to put it into a Markdown fence. */
function unfence(text: string): string {
  const trimmed = text.trim();
  const opening = /^```(?:json)?[ \t]*\r?\n/i.exec(trimmed);
  if (!opening || !trimmed.endsWith("```") || trimmed.length < opening[0].length + 3) return text;
  return trimmed.slice(opening[0].length, -3).trim();
}
