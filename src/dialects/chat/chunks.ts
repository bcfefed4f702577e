// Converts Claude's events into chat completion chunks, each as soon as it is there.

import type { AnswerOptions, MessageWriter } from "./answer.ts";
import { chatUsage, completionId, finishReason, mergeUsage, refusalText } from "./completion.ts";
import { errorOfEvent, type OpenAiError } from "./errors.ts";
import { isJsonObject, type JsonObject, stringifyWellFormed } from "./json.ts";
import type { AnswerForm } from "./request/convert.ts";

export function createStreamWriter({ form, now }: AnswerOptions): MessageWriter {
  const writer = createChunkWriter(form, now);
  const reader = createChunkReader(writer, form);
  return {
    get closed() {
      return writer.closed;
    },
    get hasFailed() {
      return writer.hasFailed;
    },
    event: (event) => reader.read(event),
    message(message) {
      for (const event of eventsOf(message)) reader.read(event);
    },
    fail: (error) => writer.fail(error),
    take: () => writer.take(),
  };
}

interface ChunkWriter {
  /** The answer is over: nothing more is written. */
  readonly closed: boolean;
  /** It is over with an error. */
  readonly hasFailed: boolean;
  start(message: JsonObject): void;
  delta(delta: JsonObject): void;
  finish(reason: string, usage: JsonObject | undefined): void;
  /** Ends the answer with an error in the form of OpenAI's streams: its SDKs raise on `data.error`, and no `[DONE]` follows. */
  fail(error: OpenAiError): void;
  /** What was written since the last time. */
  take(): Buffer;
}

function createChunkWriter(form: AnswerForm, now: number): ChunkWriter {
  let out = "";
  let closed = false;
  let hasFailed = false;
  let head: JsonObject | undefined;

  function write(data: JsonObject): void {
    if (!closed) out += `data: ${stringifyWellFormed(data)}\n\n`;
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
    get hasFailed() {
      return hasFailed;
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
      if (closed) return;
      write({ error });
      closed = hasFailed = true;
    },
    take() {
      const bytes = Buffer.from(out);
      out = "";
      return bytes;
    },
  };
}

interface ChunkReader {
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

function createChunkReader(writer: ChunkWriter, form: AnswerForm): ChunkReader {
  const open = new Map<unknown, OpenCall>();
  const pairs = createPairs();
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
        flushTexts();
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
        const whole = pairs.join(index, piece);
        if (whole !== "") argumentsOf(call, whole);
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
    const half = pairs.rest(index);
    if (half !== "") argumentsOf(call, half);
  }

  function argumentsOf(call: OpenCall, piece: string): void {
    if (!form.legacyFunctions) {
      writer.delta({ tool_calls: [{ index: call.position, function: { arguments: piece } }] });
    } else if (call.position === 0) writer.delta({ function_call: { arguments: piece } });
  }

  function text(piece: unknown): void {
    say("content", piece);
  }

  function reasoning(piece: unknown): void {
    say("reasoning_content", piece);
  }

  function say(field: "content" | "reasoning_content", piece: unknown): void {
    if (typeof piece !== "string") return;
    const whole = pairs.join(field, piece);
    if (whole !== "") writer.delta({ [field]: whole });
  }

  function flushTexts(): void {
    for (const field of ["content", "reasoning_content"]) {
      const half = pairs.rest(field);
      if (half !== "") writer.delta({ [field]: half });
    }
  }

  return { read };
}

interface Pairs {
  /** The piece with the half that its predecessor ended in, and without one that it ends in itself. Other halves are replaced. */
  join(key: unknown, piece: string): string;
  /** The half that is still waiting; "" for none. */
  rest(key: unknown): string;
}

/** Providers split texts between the two halves of a character beyond 16 bits; half of one is no text that could be sent. */
function createPairs(): Pairs {
  const halves = new Map<unknown, string>();

  function rest(key: unknown): string {
    const half = halves.get(key) ?? "";
    halves.delete(key);
    return half;
  }

  return {
    rest,
    join(key, piece) {
      const text = rest(key) + piece;
      const last = text.charCodeAt(text.length - 1);
      if (!(last >= 0xd800 && last <= 0xdbff)) return text.toWellFormed();
      halves.set(key, text.slice(-1));
      return text.slice(0, -1).toWellFormed();
    },
  };
}

/** What a whole message would have been as a stream. */
function* eventsOf(message: JsonObject): Generator<JsonObject> {
  yield { type: "message_start", message };
  for (const [index, block] of (message.content as unknown[]).entries()) {
    yield { type: "content_block_start", index, content_block: block };
    yield { type: "content_block_stop", index };
  }
  yield { type: "message_delta", delta: message, usage: message.usage };
  yield { type: "message_stop" };
}
