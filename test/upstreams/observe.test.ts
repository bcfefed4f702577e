import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Call } from "../../src/domain/call.ts";
import type { AccountType } from "../../src/domain/family.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { geminiCall, makeCall, openaiCall } from "./make-call.ts";

const claudeMessage = JSON.stringify({
  type: "message",
  model: "m",
  usage: { input_tokens: 11, output_tokens: 5 },
});
const claudeEvents = [
  { type: "message_start", message: { model: "m", usage: { input_tokens: 11, output_tokens: 1 } } },
  { type: "message_delta", delta: {}, usage: { output_tokens: 5 } },
  { type: "message_stop" },
]
  .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  .join("");

const openaiResponse = {
  id: "resp_1",
  object: "response",
  model: "m",
  usage: { input_tokens: 11, output_tokens: 5 },
};
const openaiEvents = `event: response.completed\ndata: ${JSON.stringify({ type: "response.completed", response: openaiResponse })}\n\n`;

const chunk = {
  candidates: [{ finishReason: "STOP" }],
  usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 5 },
};
const wrapped = { response: chunk, traceId: "t" };
const event = (value: unknown) => `data: ${JSON.stringify(value)}\r\n\r\n`;

const streamed: Partial<Call> = { stream: true, streamForm: "sse" };
const listed: Partial<Call> = { stream: true, streamForm: "json-array" };
const internal: Partial<Call> = { path: "/v1internal:streamGenerateContent" };

describe("a good answer is watched in the form that it has", () => {
  const rows: [string, AccountType, Call, string][] = [
    ["Claude's document", "claude-api", makeCall(), claudeMessage],
    ["Claude's stream", "claude-oauth", makeCall(streamed), claudeEvents],
    ["a document for a stream", "claude-api", makeCall(streamed), claudeMessage],
    ["a stream for a document", "claude-api", makeCall(), claudeEvents],
    ["OpenAI's document", "openai-responses", openaiCall(), JSON.stringify(openaiResponse)],
    ["OpenAI's stream", "openai-responses", openaiCall(streamed), openaiEvents],
    ["Gemini's document", "gemini-api", geminiCall(), JSON.stringify(chunk)],
    ["Gemini's stream", "gemini-api", geminiCall(streamed), event(chunk)],
    ["Gemini's array", "gemini-api", geminiCall(listed), JSON.stringify([chunk])],
    ["Gemini's stream where an array was asked for", "gemini-api", geminiCall(listed), event(chunk)],
    ["a mapped document", "gemini", geminiCall(), JSON.stringify(wrapped)],
    ["a mapped stream", "gemini", geminiCall(streamed), event(wrapped)],
    ["a mapped stream for an array", "gemini", geminiCall(listed), event(wrapped)],
    ["Code Assist's own stream", "gemini", geminiCall({ ...streamed, ...internal }), event(wrapped)],
    ["Code Assist's own array", "gemini", geminiCall({ ...listed, ...internal }), JSON.stringify([wrapped])],
  ];
  for (const [title, type, call, body] of rows) {
    it(title, () => {
      const observer = accountKinds[type].upstream.observe(call);
      observer.push(Buffer.from(body));
      observer.end();
      assert.equal(observer.opening.kind, "content");
      assert.equal(observer.complete, true);
      assert.equal(observer.report.tokens.input, 11);
      assert.equal(observer.report.tokens.output, 5);
    });
  }
});

describe("an answer is rewritten", () => {
  const rows: [string, Call, boolean][] = [
    ["of the public API's document on Code Assist", geminiCall(), true],
    ["of the public API's stream on Code Assist", geminiCall(streamed), true],
    ["but not of a count", geminiCall({ operation: "count-tokens" }), false],
    ["but not of Code Assist's own calls", geminiCall({ ...streamed, ...internal }), false],
  ];
  for (const [title, call, expected] of rows) {
    it(title, () => {
      assert.equal(accountKinds.gemini.upstream.translate?.(call) !== undefined, expected);
    });
  }

  it("nowhere else", () => {
    for (const type of ["claude-api", "claude-oauth", "gemini-api", "openai-responses"] as const) {
      assert.equal(accountKinds[type].upstream.translate, undefined);
    }
  });
});

it("an error as first event is read by the upstream whose it is", () => {
  const rows: [AccountType, Call, string][] = [
    [
      "claude-api",
      makeCall(streamed),
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"full"}}\n\n',
    ],
    [
      "openai-responses",
      openaiCall(streamed),
      'data: {"type":"response.failed","response":{"error":{"code":"server_is_overloaded","message":"full"}}}\n\n',
    ],
    ["gemini-api", geminiCall(streamed), 'data: {"error":{"code":503,"message":"full"}}\r\n\r\n'],
    ["gemini", geminiCall(streamed), 'data: {"error":{"code":503,"message":"full"}}\n\n'],
  ];
  for (const [type, call, body] of rows) {
    const upstream = accountKinds[type].upstream;
    const observer = upstream.observe(call);
    observer.push(Buffer.from(body));
    const { opening } = observer;
    assert.equal(opening.kind, "error");
    assert.deepEqual(opening.kind === "error" && upstream.readErrorEvent(opening.event, call, 0), {
      kind: "capacity",
      until: undefined,
      reason: "full",
    });
  }
});
