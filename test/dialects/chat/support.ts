// What the tests of the chat dialect share: converting a request, and feeding a scripted answer through it.

import assert from "node:assert/strict";
import { createConversionThread } from "../../../src/dialects/chat/conversion-thread.ts";
import { createChatDialect } from "../../../src/dialects/chat/index.ts";
import type { Conversion } from "../../../src/dialects/dialect.ts";
import type { Call, HeaderMap } from "../../../src/domain/call.ts";
import { RelayError } from "../../../src/domain/errors.ts";
import type { AnswerTransform } from "../../../src/sse/transform.ts";

export type Json = Record<string, unknown>;

/** 2026-11-22T12:00:00Z, which is what `created` says in every expected answer. */
export const now = 1_795_348_800_000;
export const created = 1_795_348_800;

export const chat = createChatDialect({ now: () => now, thread: createConversionThread() });

export function chatCall(body: unknown, overrides: Partial<Call> = {}): Call {
  return {
    id: "req-1",
    dialect: "chat",
    family: "claude",
    operation: "generate",
    method: "POST",
    path: "/v1/messages",
    query: "",
    headers: [],
    clientCredential: [],
    clientQuery: "",
    acceptEncoding: undefined,
    body: Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
    decodedBody: undefined,
    model: undefined,
    stream: false,
    streamForm: undefined,
    sessionKey: undefined,
    binding: undefined,
    excludesLogins: true,
    headerBudgetMs: undefined,
    ...overrides,
  };
}

export function convert(body: unknown, overrides: Partial<Call> = {}): Conversion {
  const conversion = chat.convert!(chatCall(body, overrides));
  if (conversion instanceof Promise) throw new Error("too large for a test of the conversion itself");
  return conversion;
}

/** What a request asks for where the test is about something else: without it the model's own maximum is sent, as a stream. */
const maxTokens = 8192;

/** A short request with these parameters, for a model that takes everything unless another one is named. */
export function request(parameters: Json = {}): Json {
  return {
    model: "claude-sonnet-4-5",
    messages: [{ role: "user", content: "hi" }],
    max_tokens: maxTokens,
    ...parameters,
  };
}

export interface Claude {
  body: Json;
  warnings: string[];
}

export function toClaude(body: unknown): Claude {
  const conversion = convert(body);
  return { body: JSON.parse(String(conversion.call.body)), warnings: conversion.warnings };
}

/** The converted messages alone. */
export function messagesOf(messages: unknown[], parameters: Json = {}): unknown {
  return toClaude(request({ messages, ...parameters })).body.messages;
}

export const goodHead: { status: number; headers: HeaderMap } = { status: 200, headers: {} };

/** A small answer's transform, which takes no time at its end. */
export function answerOf(conversion: Conversion, head = goodHead): AnswerTransform {
  const transform = conversion.answer(head);
  const end = () => {
    const output = transform.end();
    if (Buffer.isBuffer(output)) return output;
    throw new Error("a small answer is converted at once");
  };
  return Object.create(transform, { end: { value: end } }) as AnswerTransform;
}

/** What the client gets for an unstreamed answer, parsed. */
export function answerTo(parameters: Json, message: Json): Json {
  const transform = answerOf(convert(request(parameters)));
  const first = transform.push(Buffer.from(JSON.stringify(message)));
  return JSON.parse(String(Buffer.concat([first, transform.end()])));
}

export function claudeMessage(parts: Json = {}): Json {
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-5-20250929",
    content: [{ type: "text", text: "Hello" }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5 },
    ...parts,
  };
}

export function streamTo(parameters: Json = {}): AnswerTransform {
  return answerOf(convert(request({ stream: true, ...parameters })));
}

export function sse(...events: Json[]): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
}

/** The client's side of a stream: every `data:` payload, JSON parsed. */
export function readSse(bytes: Buffer | string): unknown[] {
  const text = String(bytes);
  if (text !== "" && !text.endsWith("\n\n")) throw new Error("the stream ends inside an event");
  return text
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => {
      if (!event.startsWith("data: ")) throw new Error(`not a data line: ${event}`);
      const data = event.slice("data: ".length);
      return data === "[DONE]" ? data : JSON.parse(data);
    });
}

/** A whole stream through a fresh transform. */
export function streamed(parameters: Json, ...events: Json[]): unknown[] {
  const transform = streamTo(parameters);
  const bytes = transform.push(Buffer.from(sse(...events)));
  return readSse(Buffer.concat([bytes, transform.end()]));
}

export const messageStart: Json = {
  type: "message_start",
  message: {
    ...claudeMessage({ content: [], stop_reason: null }),
    usage: { input_tokens: 10, output_tokens: 1 },
  },
};

export function blockStart(index: number, content_block: Json): Json {
  return { type: "content_block_start", index, content_block };
}

export function blockDelta(index: number, delta: Json): Json {
  return { type: "content_block_delta", index, delta };
}

export function blockStop(index: number): Json {
  return { type: "content_block_stop", index };
}

export function messageDelta(delta: Json, usage: Json = { output_tokens: 5 }): Json {
  return { type: "message_delta", delta, usage };
}

export const messageStop: Json = { type: "message_stop" };

/** A chunk as the client expects it. */
export function chunk(delta: Json, finish_reason: string | null = null, rest: Json = {}): Json {
  return {
    id: "chatcmpl-msg_1",
    object: "chat.completion.chunk",
    created,
    model: "claude-sonnet-4-5-20250929",
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...rest,
  };
}

/** The chunk that every stream begins with. */
export const opening = chunk({ role: "assistant", content: "" });

/** The events that a plain answer ends with. */
export const lastEvents = [messageDelta({ stop_reason: "end_turn" }), messageStop];

/** The chunks of those. */
export const ending = [chunk({}, "stop"), "[DONE]"];

/** What cannot be served is refused as invalid; every other outcome of reading and converting is a result. */
export function onlyInvalidRequests(text: string): void {
  readOrRefuse(text);
  orRefuse(() => convert(text));
}

export function readOrRefuse(text: string): void {
  const route = { dialect: "chat", operation: "generate", path: "/v1/messages" } as const;
  orRefuse(() => chat.read(route, { headers: {}, query: "", body: Buffer.from(text) }));
}

function orRefuse(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof RelayError, String(error));
    assert.equal(error.code, "invalid_request");
  }
}

/** A call of a function in a chat message. */
export const call = (id: string, name = "get", args: unknown = "{}") => ({
  id,
  type: "function",
  function: { name, arguments: args },
});

/** A text part; a text block of Claude's looks the same. */
export const text = (value: string) => ({ type: "text", text: value });
