// Converts an answer of Claude's into a chat completion, streamed or not as the client asked.

import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { HeaderMap } from "../../domain/call.ts";
import { RelayError } from "../../domain/errors.ts";
import type { AnswerTransform } from "../../sse/transform.ts";
import { createStreamWriter } from "./chunks.ts";
import { errorOfRelay, type OpenAiError, truncation } from "./errors.ts";
import { answerHeaders } from "./headers.ts";
import { isJsonObject, type JsonObject, parseJsonExactly } from "./json.ts";
import { createMessageWriter } from "./message.ts";
import type { AnswerForm } from "./request/convert.ts";

/** Room for any answer: the largest ones hold a few megabytes of text. */
export const maxAnswerBytes = 32 * 1024 * 1024;

/** No event of a real answer comes near this: the largest carry one block of a server tool's result. */
const maxEventCharacters = 16 * 1024 * 1024;
/** Larger events are looked at before they are parsed: text takes no time, but every list, object and member does. */
const maxUnseenCharacters = 1024 * 1024;
const maxValues = 1024 * 1024;

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
  const decoder = new TextDecoder();
  const writer = form.stream ? createStreamWriter(options) : createMessageWriter(options);
  let reader: AnswerReader | undefined;
  let size = 0;
  /** Of what has come since the last event was read. */
  let unreadBytes = 0;

  function feed(text: string): void {
    // What follows the end or an error is nobody's.
    if (writer.closed) return;
    reader ??= readerFor(text, writer, () => {
      unreadBytes = 0;
    });
    reader?.feed(text);
  }

  return {
    get hasFailed() {
      return writer.hasFailed === true;
    },
    get heldBytes() {
      if (writer.closed) return 0;
      return form.stream ? unreadBytes : size;
    },
    headers: answerHeaders(
      head.headers,
      form.stream ? "text/event-stream; charset=utf-8" : "application/json",
    ),
    push(chunk) {
      size += chunk.length;
      unreadBytes += chunk.length;
      if (!form.stream) checkAnswerSize(size);
      feed(decoder.decode(chunk, { stream: true }));
      return writer.take();
    },
    end() {
      feed(decoder.decode());
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
  throw new RelayError(
    "upstream_unreachable",
    "The provider's answer is too large to convert as a whole; ask for it as a stream.",
  );
}

/** Undefined while nothing but white space has come. `onRead` is called for each event. */
function readerFor(text: string, writer: MessageWriter, onRead: () => void): AnswerReader | undefined {
  const start = text.trimStart();
  if (start === "") return undefined;
  return start.startsWith("{") ? createDocumentReader(writer) : createEventReader(writer, onRead);
}

interface AnswerReader {
  feed(text: string): void;
  /** The answer has ended; throws a RelayError when a document was not complete. */
  end(): void;
}

function createDocumentReader(writer: MessageWriter): AnswerReader {
  const pieces: string[] = [];
  return {
    feed: (text) => void pieces.push(text),
    end() {
      const message = parseJsonExactly(pieces.join(""))?.value;
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

function createEventReader(writer: MessageWriter, onRead: () => void): AnswerReader {
  let hasEnded = false;
  const parser = createParser({
    onEvent(message) {
      onRead();
      const unreadable = writer.closed ? undefined : readEvent(message, writer);
      // One that is truncated by the end is not malformed: the stream is short.
      if (unreadable && !hasEnded) writer.fail(malformed(`sent a ${unreadable} event that cannot be read`));
    },
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") writer.fail(malformed("sent an event without end"));
    },
    maxBufferSize: maxEventCharacters,
  });
  return {
    feed(text) {
      // A parser that overflowed would throw.
      if (!writer.closed) parser.feed(text);
    },
    end() {
      hasEnded = true;
      // The blank line after the last event may be missing.
      if (!writer.closed) parser.feed("\n\n");
    },
  };
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
function readEvent({ event, data }: EventSourceMessage, writer: MessageWriter): string | undefined {
  const parsed = isCostly(data) ? undefined : parseJsonExactly(data)?.value;
  if (!isJsonObject(parsed)) return event !== undefined && essentialEvents.has(event) ? event : undefined;
  writer.event(parsed);
  return undefined;
}

/** Whether parsing it would hold everybody up. What is inside of strings counts, too. */
function isCostly(json: string): boolean {
  if (json.length <= maxUnseenCharacters) return false;
  let values = 0;
  for (let at = 0; at < json.length && values <= maxValues; at++) {
    const sign = json.charCodeAt(at);
    if (sign === comma || sign === openBracket || sign === openBrace) values++;
  }
  return values > maxValues;
}

const comma = 0x2c;
const openBracket = 0x5b;
const openBrace = 0x7b;

function malformed(what: string): OpenAiError {
  return errorOfRelay(
    new RelayError("upstream_unreachable", `The provider ${what}; please retry your request.`),
  );
}
