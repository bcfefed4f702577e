// Converts the bytes of a chat request into the bytes of a Claude Messages request.

import { scanMembers } from "../../json/json-scan.ts";
import { InvalidChatRequest } from "./invalid.ts";
import { isJsonObject, type JsonObject, parseJson, stringifyWellFormed } from "./json.ts";
import { type AnswerForm, convertRequest } from "./request/convert.ts";

/** Plain data, so that it can come from another thread. */
export interface ConvertedBody extends ConvertedFacts {
  /** The body of POST /v1/messages. */
  bytes: Uint8Array;
}

/** What is known of a request that has been converted, beside its body. */
export interface ConvertedFacts {
  model: string;
  /** What was weakened or left out, by its name. */
  warnings: string[];
  form: AnswerForm;
  /** The body asks for a stream, whatever the client asked for. */
  isStreamed: boolean;
  /** The relay chose `max_tokens`. */
  isLimitOurs: boolean;
  /** The conversation begins with text of the user. */
  opensWithUser: boolean;
}

/** Throws InvalidChatRequest. */
export function convertBody(body: Buffer): ConvertedBody {
  const { json, facts } = convertText(body.toString());
  return { ...facts, bytes: Buffer.from(json) };
}

/** The same for a body that has been decoded. Throws InvalidChatRequest. */
export function convertText(text: string): { json: string; facts: ConvertedFacts } {
  const { model, body, warnings, form, isLimitOurs } = convertRequest(parseText(text));
  const isStreamed = body.stream === true;
  const opensWithUser = body.messages[0]?.role === "user";
  return {
    json: stringifyWellFormed(body),
    facts: { model, warnings, form, isStreamed, isLimitOurs, opensWithUser },
  };
}

export function parseText(text: string): JsonObject {
  if (text.length === 0) throw new InvalidChatRequest(undefined, "The request has no body; send it as JSON.");
  const parsed = parseJson(text.startsWith("\uFEFF") ? text.slice(1) : text);
  if (parsed && isJsonObject(parsed.value)) return parsed.value;
  throw new InvalidChatRequest(
    undefined,
    parsed
      ? "The request body must be a JSON object."
      : "The request body is not valid JSON, or nests too deeply.",
  );
}

/** A byte order mark is no JSON, though some clients write one. */
export function withoutMark(body: Buffer): Buffer {
  return body.subarray(0, 3).equals(byteOrderMark) ? body.subarray(3) : body;
}

const byteOrderMark = Buffer.from("\uFEFF");

/** For hosts that refuse a conversation which begins with the assistant. */
export function withOpeningUser(body: Buffer): Buffer {
  const messages = scanMembers(body, ["messages"])?.get("messages");
  if (!messages) return body;
  const opening = '{"role":"user","content":[{"type":"text","text":"."}]},';
  return spliced(body, { start: messages.start + 1, end: messages.start + 1, text: opening });
}

/** For models whose context has not room for all that the relay allowed the answer. */
export function withMaxTokens(body: Buffer, maxTokens: number): Buffer {
  const limit = scanMembers(body, ["max_tokens"])?.get("max_tokens");
  return limit ? spliced(body, { ...limit, text: String(maxTokens) }) : body;
}

function spliced(body: Buffer, { start, end, text }: { start: number; end: number; text: string }): Buffer {
  return Buffer.concat([body.subarray(0, start), Buffer.from(text), body.subarray(end)]);
}
