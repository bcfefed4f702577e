// Answers of Code Assist as the public Gemini API would give them: every `{"response":…,"traceId":…}` becomes its
// `response`, byte for byte, with the trace's id where it has no id of its own.

import type { Call } from "../call.ts";
import { RelayError, relayErrors } from "../errors.ts";
import { firstElements, readString, scanMembers } from "../json-scan.ts";
import type { AnswerTransform } from "../sse/transform.ts";
import { createGrowingBuffer } from "./growing-buffer.ts";
import { addMember } from "./json-edit.ts";
import { createPayloadReader } from "./sse-payloads.ts";

/** Of one document or event: images come inline. */
const mostBytes = 64 * 1024 * 1024;

export function unwrapAnswer(call: Pick<Call, "streamForm">): AnswerTransform {
  if (call.streamForm === "sse") return unwrapEvents();
  return call.streamForm === "json-array" ? unwrapToArray() : unwrapDocument();
}

const jsonType = ["content-type", "application/json; charset=UTF-8"];

function unwrapDocument(): AnswerTransform {
  const document = createGrowingBuffer(mostBytes, tooLarge);
  return {
    headers: jsonType,
    push(chunk) {
      document.append(chunk);
      return Buffer.alloc(0);
    },
    end: () => readPayload(document.take())[0] ?? Buffer.from("{}"),
    fail: () => undefined,
  };
}

function unwrapEvents(): AnswerTransform {
  const reader = createPayloadReader({ most: mostBytes, overflow: tooLarge });
  const frame = (payloads: Buffer[]) =>
    Buffer.concat(payloads.flatMap(readPayload).flatMap((json) => [dataField, onOneLine(json), eventEnd]));
  return {
    headers: ["content-type", "text/event-stream"],
    push: (chunk) => frame(reader.push(chunk)),
    end: () => frame(reader.end()),
    // A broken stream is told by breaking off, as the native one is.
    fail: () => undefined,
  };
}

const dataField = Buffer.from("data: ");
const eventEnd = Buffer.from("\r\n\r\n");

/** The public API's stream without `alt=sse`: one array, element by element. */
function unwrapToArray(): AnswerTransform {
  const reader = createPayloadReader({ most: mostBytes, overflow: tooLarge });
  let begun = false;
  const add = (elements: Buffer[]) =>
    Buffer.concat(
      elements.flatMap((json) => {
        const separator = Buffer.from(begun ? ",\r\n" : "[");
        begun = true;
        return [separator, json];
      }),
    );
  return {
    headers: jsonType,
    push: (chunk) => add(reader.push(chunk).flatMap(readPayload)),
    end() {
      const rest = add(reader.end().flatMap(readPayload));
      return Buffer.concat([rest, Buffer.from(begun ? "]" : "[]")]);
    },
    // Google puts an error into the array as its last element.
    fail: (error) => Buffer.concat([add([errorElement(error)]), Buffer.from("]")]),
  };
}

/** What the client gets for one payload: the response, an error as it is, or nothing. */
function readPayload(payload: Buffer): Buffer[] {
  const members = scanMembers(payload, ["response", "traceId", "error"]);
  if (members === undefined) return readElements(payload);
  const span = members.get("response");
  if (span !== undefined) {
    const response = payload.subarray(span.start, span.end);
    return response[0] === openBrace ? [withId(response, readString(payload, members.get("traceId")))] : [];
  }
  return members.has("error") ? [payload] : [];
}

const openBrace = 0x7b;

/** An array of envelopes, which Google sends where it does not send events. */
function readElements(payload: Buffer): Buffer[] {
  const start = payload.indexOf("[");
  const end = payload.lastIndexOf("]") + 1;
  const around = Buffer.concat([payload.subarray(0, Math.max(start, 0)), payload.subarray(end)]);
  if (start === -1 || end <= start || around.toString("latin1").trim() !== "") throw unreadable();
  return [...firstElements(payload, { start, end })].flatMap((span) => {
    const element = payload.subarray(span.start, span.end);
    if (element[0] !== openBrace) throw unreadable();
    return readPayload(element);
  });
}

/** Gemini CLI takes the trace's id for the response's as well. */
function withId(response: Buffer, traceId: string | undefined): Buffer {
  const members = scanMembers(response, ["responseId"]);
  if (members === undefined) throw unreadable();
  if (traceId === undefined || members.has("responseId")) return response;
  return addMember(response, "responseId", JSON.stringify(traceId));
}

/** An event's data is one line for the SDK; line ends can only stand between JSON's tokens. */
function onOneLine(json: Buffer): Buffer {
  if (!json.includes(0x0a) && !json.includes(0x0d)) return json;
  return Buffer.from(json.map((byte) => (byte === 0x0a || byte === 0x0d ? 0x20 : byte)));
}

const statusNames: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  501: "UNIMPLEMENTED",
  504: "DEADLINE_EXCEEDED",
};

function errorElement(error: RelayError): Buffer {
  const code = relayErrors[error.code].status;
  const status = statusNames[code] ?? "UNAVAILABLE";
  return Buffer.from(JSON.stringify({ error: { code, message: error.message, status } }));
}

function unreadable(): RelayError {
  return new RelayError("upstream_unreachable", "The provider's answer ended before it was whole.");
}

function tooLarge(): RelayError {
  return new RelayError("upstream_unreachable", "The provider sent a single event of more than 64 MiB.");
}
