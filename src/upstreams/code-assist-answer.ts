// Rewrites answers of Code Assist into those of the public Gemini API: every `{"response":…,"traceId":…}` becomes its
// `response`, byte for byte, with the trace's id where it has no id of its own.

import type { Call } from "../domain/call.ts";
import { RelayError, relayErrors } from "../domain/errors.ts";
import { googleStatusOf } from "../domain/google-status.ts";
import { readString, scanMembers } from "../json/json-scan.ts";
import {
  fieldOf,
  isObject,
  type JsonObject,
  listField,
  objectField,
  parseJson,
} from "../json/json-values.ts";
import { createCollector } from "../sse/collector.ts";
import { createDocumentSplitter } from "../sse/documents.ts";
import { createEventSplitter } from "../sse/events.ts";
import type { AnswerTransform } from "../sse/transform.ts";
import { addMember } from "./json-edit.ts";

/** Of one document or event: images come inline. */
const maxBytes = 64 * 1024 * 1024;

export function unwrapAnswer(call: Pick<Call, "streamForm">): AnswerTransform {
  if (call.streamForm === "sse") return unwrapEvents();
  return call.streamForm === "json-array" ? unwrapToArray() : unwrapDocument();
}

const jsonType = ["content-type", "application/json; charset=UTF-8"];

/** Where events came in place of the document they are put together. */
function unwrapDocument(): AnswerTransform {
  const document = createCollector(maxBytes);
  const merged = createMergedAnswer();
  const payloads = createPayloadReader((json) => {
    merged.add(joined(json));
    return nothing;
  });
  let isEvents: boolean | undefined;
  return {
    get heldBytes() {
      return document.heldBytes + payloads.heldBytes + merged.heldBytes;
    },
    headers: jsonType,
    push(chunk) {
      isEvents ??= beginsAsEvents(chunk);
      if (isEvents) return payloads.push(chunk);
      if (!document.add(chunk, 0, chunk.length)) throw tooLarge();
      document.keep();
      return nothing;
    },
    end() {
      if (isEvents) payloads.end();
      const pieces = isEvents ? undefined : readPayload(document.take());
      const whole = isEvents ? merged.take() : pieces && joined(pieces);
      if (!whole) throw unreadable();
      return whole;
    },
    fail: () => undefined,
  };
}

const nothing = Buffer.alloc(0);

/** Undefined while only white space has come. */
function beginsAsEvents(chunk: Buffer): boolean | undefined {
  const first = chunk.find((byte) => byte > 0x20);
  return first === undefined ? undefined : first !== openBrace;
}

function unwrapEvents(): AnswerTransform {
  const payloads = createPayloadReader((json) =>
    Buffer.concat([dataField, ...json.flatMap(withoutLineEnds), eventEnd]),
  );
  return {
    get heldBytes() {
      return payloads.heldBytes;
    },
    headers: ["content-type", "text/event-stream"],
    push: payloads.push,
    end: payloads.end,
    // A truncated stream is broken off, like a native one.
    fail: () => undefined,
  };
}

const dataField = Buffer.from("data: ");
const eventEnd = Buffer.from("\r\n\r\n");

/** The public API's stream without `alt=sse`: one array, element by element. */
function unwrapToArray(): AnswerTransform {
  let begun = false;
  const element = (json: readonly Buffer[]) => {
    const separator = Buffer.from(begun ? ",\r\n" : "[");
    begun = true;
    return Buffer.concat([separator, ...json]);
  };
  const payloads = createPayloadReader(element);
  return {
    get heldBytes() {
      return payloads.heldBytes;
    },
    headers: jsonType,
    push: payloads.push,
    end() {
      const rest = payloads.end();
      return Buffer.concat([rest, Buffer.from(begun ? "]" : "[]")]);
    },
    // Google puts an error into the array as its last element.
    fail: (error) => Buffer.concat([element([errorElement(error)]), Buffer.from("]")]),
  };
}

/**
 * Reads the payloads of an event stream, or of the bare JSON that Google answers with when a stream fails. `render` gets the pieces of one: it is
 * copied once, and no more.
 */
function createPayloadReader(render: (json: readonly Buffer[]) => Buffer) {
  let output: Buffer[] = [];
  let isBare = false;
  const read = (payload: Buffer) => {
    const json = readPayload(payload);
    // The payload's bytes last only as long as this call: what is rendered is a copy.
    if (json) output.push(render(json));
  };
  const onOversized = () => {
    throw tooLarge();
  };
  const documents = createDocumentSplitter({ onDocument: read, onOversized, maxDocumentBytes: maxBytes });
  const events = createEventSplitter({
    onEvent(_name, data) {
      if (data.length > 0) read(data);
    },
    onBare(bytes) {
      isBare = true;
      documents.push(bytes);
    },
    onOversized,
    maxEventBytes: maxBytes,
  });
  const flush = () => {
    // Of a single one a copy would cost as much again.
    const sent = joined(output);
    output = [];
    return sent;
  };
  return {
    get heldBytes() {
      return events.heldBytes + documents.heldBytes;
    },
    push(chunk: Buffer): Buffer {
      events.push(chunk);
      return flush();
    },
    end(): Buffer {
      events.end();
      if (isBare && !documents.closed) throw unreadable();
      return flush();
    },
  };
}

/** What the client gets for one payload: the response, an error as it is, or nothing. */
function readPayload(payload: Buffer): Buffer[] | undefined {
  const members = scanMembers(payload, ["response", "traceId", "error"]);
  if (members === undefined) throw unreadable();
  const span = members.get("response");
  if (span === undefined && members.has("error")) return [payload];
  // So large a one is not empty: reading stopped before its response. To pass it over would be a hole in the answer.
  if (span === undefined && payload.length > maxEmptyBytes) throw unreadable();
  if (span === undefined) return undefined;
  const response = payload.subarray(span.start, span.end);
  return response[0] === openBrace
    ? withId(response, readString(payload, members.get("traceId")))
    : undefined;
}

function joined(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

const maxEmptyBytes = 1024 * 1024;
const openBrace = 0x7b;

/** Gemini CLI takes the trace's id for the response's as well. */
function withId(response: Buffer, traceId: string | undefined): Buffer[] {
  const members = scanMembers(response, ["responseId"]);
  if (members === undefined) throw unreadable();
  if (traceId === undefined || members.has("responseId")) return [response];
  return addMember([response], "responseId", JSON.stringify(traceId));
}

/** An event's data is one line for the SDK; line ends can only be between JSON's tokens. */
function withoutLineEnds(json: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let from = 0;
  let nextLineFeed = indexOrEnd(json, lineFeed, 0);
  let nextReturn = indexOrEnd(json, carriageReturn, 0);
  for (
    let end = Math.min(nextLineFeed, nextReturn);
    end < json.length;
    end = Math.min(nextLineFeed, nextReturn)
  ) {
    if (pieces.length >= 2 * maxLines) throw unreadable();
    pieces.push(json.subarray(from, end), blank);
    from = end + 1;
    if (nextLineFeed < from) nextLineFeed = indexOrEnd(json, lineFeed, from);
    if (nextReturn < from) nextReturn = indexOrEnd(json, carriageReturn, from);
  }
  pieces.push(json.subarray(from));
  return pieces;
}

/** Of one event; a thousand times as many as any real one has. */
const maxLines = 64 * 1024;
const blank = Buffer.from(" ");
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

function indexOrEnd(json: Buffer, byte: number, from: number): number {
  const at = json.indexOf(byte, from);
  return at < 0 ? json.length : at;
}

function errorElement(error: RelayError): Buffer {
  const code = relayErrors[error.code].status;
  const status = googleStatusOf(code) ?? "UNAVAILABLE";
  return Buffer.from(JSON.stringify({ error: { code, message: error.message, status } }));
}

function unreadable(): RelayError {
  return new RelayError(
    "upstream_unreachable",
    "The provider's answer ended before it was whole; please retry your request.",
  );
}

function tooLarge(): RelayError {
  return new RelayError(
    "upstream_unreachable",
    "The provider sent a single event of more than 64 MiB; ask for less in one answer.",
  );
}

interface MergedAnswer {
  /** Of the events that it is made of. */
  readonly heldBytes: number;
  /** One event's answer. What is no JSON object is left out. */
  add(json: Buffer): void;
  /** Undefined when there was none. */
  take(): Buffer | undefined;
}

/** Later members replace earlier ones, but for the parts of the same candidate, which follow one another. */
function createMergedAnswer(): MergedAnswer {
  let answer: JsonObject | undefined;
  let heldBytes = 0;
  const candidates = new Map<unknown, JsonObject>();

  function addCandidate(candidate: JsonObject): void {
    const key = candidate.index ?? 0;
    const before = candidates.get(key);
    const parts = [...partsOf(before), ...partsOf(candidate)];
    const content = { ...objectField(before, "content"), ...objectField(candidate, "content"), parts };
    candidates.set(key, { ...before, ...candidate, content });
  }

  return {
    get heldBytes() {
      return heldBytes;
    },
    add(json) {
      heldBytes += json.length;
      const event = parse(json);
      if (!event) return;
      answer = { ...answer, ...event };
      for (const candidate of listField(event, "candidates"))
        if (isObject(candidate)) addCandidate(candidate);
    },
    take() {
      if (!answer) return undefined;
      if (candidates.size > 0) answer.candidates = [...candidates.values()];
      return Buffer.from(JSON.stringify(answer));
    },
  };
}

function parse(json: Buffer): JsonObject | undefined {
  const value = parseJson(json.toString("utf8"));
  return isObject(value) ? value : undefined;
}

function partsOf(candidate: JsonObject | undefined): readonly unknown[] {
  return listField(fieldOf(candidate, "content"), "parts");
}
