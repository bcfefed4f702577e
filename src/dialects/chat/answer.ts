// Converts an answer of Claude's into a chat completion, streamed or not as the client asked.

import type { HeaderMap } from "../../domain/call.ts";
import { AnswerTooLarge, RelayError } from "../../domain/errors.ts";
import type { AnswerTransform } from "../../sse/transform.ts";
import { contentEvents } from "../../usage/claude.ts";
import { createBoundedEvents } from "./bounded-events.ts";
import { createStreamWriter } from "./chunks.ts";
import { errorOfRelay, type OpenAiError, truncation } from "./errors.ts";
import { answerHeaders } from "./headers.ts";
import { isJsonObject, type JsonObject, parseJsonExactly } from "./json.ts";
import { createMessageWriter } from "./message.ts";
import type { AnswerForm } from "./request/convert.ts";

/** Room for any answer: the largest ones hold a few megabytes of text. */
export const maxAnswerBytes = 32 * 1024 * 1024;

/**
 * No event of a real answer that a chat client gets anything of comes near these two. So much text takes up to thirty
 * milliseconds, a million empty lists a hundred, and nobody else is served meanwhile.
 */
const maxEventLength = 1024 * 1024;
const maxEventValues = 16 * 1024;

/** Takes Claude's answer, as events or as a whole, and writes the client's. */
export interface MessageWriter {
  /** The answer is over, well or with an error: nothing more is written. */
  readonly closed: boolean;
  /** The answer is over with an error. Absent: a writer that throws instead. */
  readonly hasFailed?: boolean;
  event(event: JsonObject): void;
  message(message: JsonObject): void;
  fail(error: OpenAiError): void;
  /** What was written since the last time. */
  take(): Buffer;
}

export interface AnswerOptions {
  head: { headers: HeaderMap };
  form: AnswerForm;
  /** Epoch ms, for `created`. */
  now: number;
}

/**
 * Turns Claude's answer into the form that the client asked for. Whether the provider sent a stream or a document its first
 * byte says: the request may have been sent in another form, and labels are wrong now and then.
 */
export function createChatAnswer(options: AnswerOptions): AnswerTransform {
  const { form, head } = options;
  const writer = form.stream ? createStreamWriter(options) : createMessageWriter(options);
  let reader: AnswerReader | undefined;
  let size = 0;
  /** Blanks at the beginning; a byte order mark may be spread over them. */
  let blank = nothing;

  function feed(bytes: Buffer): void {
    // What follows the end or an error is nobody's.
    if (writer.closed) return;
    if (reader) return reader.feed(bytes);
    const lead = blank.length === 0 ? bytes : Buffer.concat([blank, bytes]);
    const form = formOf(lead);
    if (form === undefined) {
      blank = Buffer.from(lead.subarray(0, 3));
      return;
    }
    reader = form === "document" ? createDocumentReader(writer) : createEventReader(writer);
    reader.feed(lead);
  }

  return {
    get hasFailed() {
      return writer.hasFailed === true;
    },
    get heldBytes() {
      if (writer.closed) return 0;
      return form.stream ? (reader?.heldBytes ?? 0) : size;
    },
    headers: answerHeaders(
      head.headers,
      form.stream ? "text/event-stream; charset=utf-8" : "application/json",
    ),
    push(chunk) {
      size += chunk.length;
      if (!form.stream) checkAnswerSize(size);
      feed(chunk);
      return writer.take();
    },
    end() {
      if (!writer.closed) reader?.end();
      if (!writer.closed) {
        throw new RelayError(
          "upstream_unreachable",
          "The provider ended its answer before it was complete; please retry your request.",
        );
      }
      return writer.take();
    },
    fail(error) {
      if (!form.stream) return undefined;
      writer.fail(truncation(error));
      return writer.take();
    },
  };
}

/** Throws for an answer without a stream that is larger than any real one. */
export function checkAnswerSize(bytes: number): void {
  if (bytes <= maxAnswerBytes) return;
  throw new AnswerTooLarge("it is too large to convert as a whole");
}

/** What an answer is by its first byte, whatever was asked for: its label may be wrong. Undefined while nothing but white space has come. */
export function formOf(bytes: Buffer): "document" | "events" | undefined {
  for (const byte of bytes) if (!isBlank(byte)) return byte === openBrace ? "document" : "events";
  return undefined;
}

/** White space, and the bytes of a byte order mark. */
function isBlank(byte: number): boolean {
  return byte <= 0x20 || byte === 0xef || byte === 0xbb || byte === 0xbf;
}

const openBrace = 0x7b;
const nothing = Buffer.alloc(0);

interface AnswerReader {
  /** Of what is not read yet. */
  readonly heldBytes: number;
  feed(bytes: Buffer): void;
  /** The answer has ended; throws a RelayError when a document was not complete. */
  end(): void;
}

/** Keeps nothing of the bytes that it is fed: in the conversion's thread they are given back at once. */
function createDocumentReader(writer: MessageWriter): AnswerReader {
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  let heldBytes = 0;
  return {
    get heldBytes() {
      return heldBytes;
    },
    feed(bytes) {
      pieces.push(decoder.decode(bytes, { stream: true }));
      heldBytes += bytes.length;
    },
    end() {
      const message = parseJsonExactly(pieces.join("") + decoder.decode())?.value;
      if (!isJsonObject(message) || !Array.isArray(message.content)) {
        throw new RelayError(
          "upstream_unreachable",
          "The provider's answer was not a complete message; please retry your request.",
        );
      }
      writer.message(message);
    },
  };
}

function createEventReader(writer: MessageWriter): AnswerReader {
  let hasEnded = false;
  const events = createBoundedEvents({
    maxLength: maxEventLength,
    onEvent(name, data) {
      const unreadable = writer.closed ? undefined : readEvent(name, data, writer);
      // One that is truncated by the end is not malformed: the stream is short.
      if (unreadable && !hasEnded) writer.fail(malformed(`sent a ${unreadable} event that cannot be read`));
    },
    onOversized(beginning) {
      if (writer.closed || mayBeMissed(beginning)) return;
      const name = nameIn(beginning) ?? "nameless";
      writer.fail(malformed(`sent a ${name} event of more than ${maxEventLength >> 20} MB`));
    },
  });
  return {
    get heldBytes() {
      return events.heldBytes;
    },
    feed: (bytes) => events.feed(bytes),
    end() {
      hasEnded = true;
      events.end();
    },
  };
}

/** Of the first lines of an event. */
function nameIn(beginning: string): string | undefined {
  return /^event: ?([^\r\n]+)/m.exec(beginning)?.[1];
}

/**
 * An event that was not read, by its first lines. A page or a file that a server tool has read comes in one event, however large it is,
 * and a chat client gets nothing of it.
 */
function mayBeMissed(beginning: string): boolean {
  const type = nameIn(beginning) ?? /^data:\s*\{\s*"type":\s*"(\w+)"/m.exec(beginning)?.[1];
  if (type === "content_block_start")
    return /"content_block":\s*\{\s*"type":\s*"\w+_tool_result"/.test(beginning);
  return type !== undefined && !essentialEvents.has(type);
}

/** Events that carry the answer: one of them that cannot be read is a hole in it. */
const essentialEvents: ReadonlySet<string> = new Set([...contentEvents, "error"]);

/** Returns the name of an event that should have been readable. */
function readEvent(name: string, data: string, writer: MessageWriter): string | undefined {
  const parsed = parseJsonExactly(data, maxEventValues)?.value;
  if (!isJsonObject(parsed)) return unreadableName(name, data);
  writer.event(parsed);
  return undefined;
}

/** An event without a name says in its data what it is. */
function unreadableName(name: string, data: string): string | undefined {
  if (name === "") return data.trimStart().startsWith("{") ? "nameless" : undefined;
  return essentialEvents.has(name) ? name : undefined;
}

function malformed(what: string): OpenAiError {
  return errorOfRelay(
    new RelayError("upstream_unreachable", `The provider ${what}; please retry your request.`),
  );
}
