// A streamed answer: Claude's events as chat completion chunks, each as soon as it is there.

import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { HeaderMap } from "../../call.ts";
import { RelayError } from "../../errors.ts";
import type { AnswerTransform } from "../../sse/transform.ts";
import { chatUsage, completionId, finishReason, mergeUsage, refusalText } from "./completion.ts";
import { errorOfEvent, errorOfRelay, type OpenAiError } from "./errors.ts";
import { answerHeaders } from "./headers.ts";
import { isJsonObject, type JsonObject, parseJsonExactly } from "./json.ts";
import type { AnswerForm } from "./request/convert.ts";

/** No event of a real answer comes near this: the largest carry one block of a server tool's result. */
const maxEventCharacters = 64 * 1024 * 1024;

export interface StreamOptions {
  head: { headers: HeaderMap };
  form: Pick<AnswerForm, "legacyFunctions" | "includeUsage">;
  /** Epoch ms, for `created`. */
  now: number;
}

export function createStreamAnswer({ head, form, now }: StreamOptions): AnswerTransform {
  const decoder = new TextDecoder();
  const writer = createChunkWriter(form, now);
  const events = createEventReader(writer, form);
  let hasEnded = false;
  const parser = createParser({
    onEvent(message) {
      const unreadable = writer.closed ? undefined : readEvent(message, events);
      if (unreadable && !hasEnded) writer.fail(malformed(`sent a ${unreadable} event that cannot be read`));
    },
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") writer.fail(malformed("sent an event without end"));
    },
    maxBufferSize: maxEventCharacters,
  });

  function feed(text: string): void {
    // What follows the end or an error is nobody's; a parser that overflowed would throw.
    if (!writer.closed) parser.feed(text);
  }

  return {
    headers: answerHeaders(head.headers, "text/event-stream; charset=utf-8"),
    push(chunk) {
      feed(decoder.decode(chunk, { stream: true }));
      return writer.take();
    },
    end() {
      // The blank line after the last event may be missing. One that is cut is no malformed event: the stream is short.
      hasEnded = true;
      feed(`${decoder.decode()}\n\n`);
      if (!writer.closed) {
        throw new RelayError(
          "upstream_unreachable",
          "The upstream closed the stream before the answer was complete; send the request again.",
        );
      }
      return writer.take();
    },
    fail(error) {
      writer.fail(errorOfRelay(error));
      return writer.take();
    },
  };
}

interface ChunkWriter {
  /** The answer is over: nothing more is written. */
  readonly closed: boolean;
  start(message: JsonObject): void;
  delta(delta: JsonObject): void;
  finish(reason: string, usage: JsonObject | undefined): void;
  /** Ends the answer as OpenAI words an error in a stream: its SDKs raise on `data.error`, and no `[DONE]` follows. */
  fail(error: OpenAiError): void;
  /** What was written since the last time. */
  take(): Buffer;
}

function createChunkWriter(form: StreamOptions["form"], now: number): ChunkWriter {
  let out = "";
  let closed = false;
  let head: JsonObject | undefined;

  function write(data: JsonObject): void {
    if (!closed) out += `data: ${JSON.stringify(data)}\n\n`;
  }

  function start(message: JsonObject): void {
    if (head) return;
    head = {
      id: completionId(message.id),
      object: "chat.completion.chunk",
      created: Math.floor(now / 1000),
      model: typeof message.model === "string" ? message.model : "",
    };
    choice({ role: "assistant", content: "" }, null);
  }

  function choice(delta: JsonObject, reason: string | null): void {
    const usage = form.includeUsage ? { usage: null } : {};
    write({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }], ...usage });
  }

  return {
    get closed() {
      return closed;
    },
    start,
    delta(delta) {
      start({});
      choice(delta, null);
    },
    finish(reason, usage) {
      start({});
      choice({}, reason);
      if (usage) write({ ...head, choices: [], usage: chatUsage(usage) });
      if (!closed) out += "data: [DONE]\n\n";
      closed = true;
    },
    fail(error) {
      write({ error });
      closed = true;
    },
    take() {
      const bytes = Buffer.from(out);
      out = "";
      return bytes;
    },
  };
}

interface EventReader {
  read(event: JsonObject): void;
}

/** A tool_use block whose arguments are on their way. */
interface OpenCall {
  /** Counts tool calls from 0, not content blocks. */
  position: number;
  /** What the block's start already held. */
  input: unknown;
  /** Some piece of the arguments has come. */
  begun: boolean;
}

function createEventReader(writer: ChunkWriter, form: StreamOptions["form"]): EventReader {
  const open = new Map<unknown, OpenCall>();
  let calls = 0;
  let usage: JsonObject = {};
  let stopReason: unknown;
  let stopDetails: unknown;

  function read(event: JsonObject): void {
    switch (event.type) {
      case "message_start": {
        const message = isJsonObject(event.message) ? event.message : {};
        usage = mergeUsage(usage, message.usage);
        writer.start(message);
        return;
      }
      case "content_block_start":
        if (isJsonObject(event.content_block)) startBlock(event.index, event.content_block);
        return;
      case "content_block_delta":
        if (isJsonObject(event.delta)) readDelta(event.index, event.delta);
        return;
      case "content_block_stop":
        stopBlock(event.index);
        return;
      case "message_delta": {
        usage = mergeUsage(usage, event.usage);
        const delta = isJsonObject(event.delta) ? event.delta : {};
        stopReason = delta.stop_reason ?? stopReason;
        stopDetails = delta.stop_details ?? stopDetails;
        return;
      }
      case "message_stop":
        for (const index of [...open.keys()]) stopBlock(index);
        if (stopReason === "refusal") writer.delta({ refusal: refusalText(stopDetails) });
        writer.finish(finishReason(stopReason, form), form.includeUsage ? usage : undefined);
        return;
      case "error":
        writer.fail(errorOfEvent(event));
        return;
      default:
      // Pings, and whatever Claude adds.
    }
  }

  function startBlock(index: unknown, block: JsonObject): void {
    if (block.type === "text") text(block.text);
    else if (block.type === "thinking") reasoning(block.thinking);
    else if (block.type === "tool_use") {
      const call: OpenCall = { position: calls++, input: block.input, begun: false };
      open.set(index, call);
      const { id, name } = block;
      if (!form.legacyFunctions) {
        const start = { index: call.position, id, type: "function", function: { name, arguments: "" } };
        writer.delta({ tool_calls: [start] });
      } else if (call.position === 0) writer.delta({ function_call: { name, arguments: "" } });
    }
  }

  function readDelta(index: unknown, delta: JsonObject): void {
    switch (delta.type) {
      case "text_delta":
        text(delta.text);
        return;
      case "thinking_delta":
        reasoning(delta.thinking);
        return;
      case "input_json_delta": {
        const call = open.get(index);
        const piece = delta.partial_json;
        if (!call || typeof piece !== "string" || piece === "") return;
        call.begun = true;
        argumentsOf(call, piece);
        return;
      }
      default:
      // Signatures, citations, and whatever Claude adds.
    }
  }

  /** A call without arguments gets an empty object: joined pieces have to be JSON. */
  function stopBlock(index: unknown): void {
    const call = open.get(index);
    if (!call) return;
    open.delete(index);
    if (!call.begun) argumentsOf(call, JSON.stringify(isJsonObject(call.input) ? call.input : {}));
  }

  function argumentsOf(call: OpenCall, piece: string): void {
    if (!form.legacyFunctions) {
      writer.delta({ tool_calls: [{ index: call.position, function: { arguments: piece } }] });
    } else if (call.position === 0) writer.delta({ function_call: { arguments: piece } });
  }

  function text(piece: unknown): void {
    if (typeof piece === "string" && piece !== "") writer.delta({ content: piece });
  }

  function reasoning(piece: unknown): void {
    if (typeof piece === "string" && piece !== "") writer.delta({ reasoning_content: piece });
  }

  return { read };
}

/** Events that carry the answer: one of them that cannot be read is a hole in it. */
const essentialEvents: ReadonlySet<string> = new Set([
  "message_start",
  "content_block_start",
  "content_block_delta",
  "content_block_stop",
  "message_delta",
  "message_stop",
  "error",
]);

/** Returns the name of an event that should have been readable. */
function readEvent({ event, data }: EventSourceMessage, events: EventReader): string | undefined {
  const parsed = parseJsonExactly(data)?.value;
  if (!isJsonObject(parsed)) return event !== undefined && essentialEvents.has(event) ? event : undefined;
  events.read(parsed);
  return undefined;
}

function malformed(what: string): OpenAiError {
  return errorOfRelay(
    new RelayError("upstream_unreachable", `The provider ${what}; send the request again.`),
  );
}
