// What is an answer of the API that was asked, and what only looks like one.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Call } from "../../src/domain/call.ts";
import type { AccountType } from "../../src/domain/family.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import type { AnswerObserver, Opening } from "../../src/usage/observer.ts";
import { geminiCall, makeCall, openaiCall } from "./make-call.ts";

const streamed: Partial<Call> = { stream: true, streamForm: "sse" };
const event = (data: unknown, name?: string) =>
  `${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`;

const claudeMessage = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  content: [],
  usage: { input_tokens: 1 },
};
const geminiAnswer = { candidates: [{ finishReason: "STOP" }], usageMetadata: {} };
const openaiResponse = { id: "resp_1", object: "response", status: "completed", error: null, output: [] };
const chatAnswer = { id: "c", object: "chat.completion", choices: [] };
const chatChunk = event({ id: "c", object: "chat.completion.chunk", choices: [] });
const claudeStart = event({ type: "message_start", message: {} }, "message_start");
const openaiDelta = event({ type: "response.output_text.delta", delta: "x" }, "response.output_text.delta");

function readAll(type: AccountType, call: Call, body: string | object): AnswerObserver {
  const observer = accountKinds[type].upstream.observe(call);
  observer.push(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));
  observer.end();
  return observer;
}

describe("an answer of the operation that was asked for", () => {
  const rows: [string, AccountType, Call, string | object][] = [
    ["a message", "claude-api", makeCall(), claudeMessage],
    ["a message behind white space", "claude-oauth", makeCall(), `\r\n \t${JSON.stringify(claudeMessage)}`],
    [
      "a message whose mark is its last member",
      "claude-api",
      makeCall(),
      { x: { type: "error" }, type: "message" },
    ],
    ["a count", "claude-api", makeCall({ operation: "count-tokens" }), { input_tokens: 3 }],
    ["a list of models", "claude-api", makeCall({ operation: "list-models" }), { data: [] }],
    ["a model", "claude-api", makeCall({ operation: "get-model" }), { id: "m", type: "model" }],
    ["candidates", "gemini-api", geminiCall(), geminiAnswer],
    ["a refused prompt", "gemini-api", geminiCall(), { promptFeedback: { blockReason: "SAFETY" } }],
    ["figures alone", "gemini-api", geminiCall(), { usageMetadata: { promptTokenCount: 1 } }],
    ["a count of Gemini's", "gemini-api", geminiCall({ operation: "count-tokens" }), { totalTokens: 3 }],
    ["a count of nothing", "gemini-api", geminiCall({ operation: "count-tokens" }), "{ \r\n }\n"],
    ["a count of Code Assist", "gemini", geminiCall({ operation: "count-tokens" }), { totalTokens: 3 }],
    ["an embedding", "gemini-api", geminiCall({ operation: "embed" }), { embedding: { values: [1] } }],
    ["embeddings", "gemini-api", geminiCall({ operation: "embed" }), { embeddings: [] }],
    ["models of Gemini's", "gemini-api", geminiCall({ operation: "list-models" }), { models: [] }],
    ["no models at all", "gemini-api", geminiCall({ operation: "list-models" }), {}],
    ["a model of Gemini's", "gemini-api", geminiCall({ operation: "get-model" }), { name: "models/m" }],
    ["an envelope", "gemini", geminiCall(), { response: geminiAnswer, traceId: "t" }],
    ["an object of Code Assist", "gemini", geminiCall({ operation: "code-assist" }), {}],
    ["an empty body of Code Assist", "gemini", geminiCall({ operation: "code-assist" }), ""],
    ["a response", "openai-responses", openaiCall(), openaiResponse],
    [
      "a compaction",
      "openai-responses",
      openaiCall({ operation: "compact" }),
      { object: "response.compaction" },
    ],
    [
      "a count of OpenAI's",
      "openai-responses",
      openaiCall({ operation: "count-tokens" }),
      { input_tokens: 1 },
    ],
    [
      "a deleted response",
      "openai-responses",
      openaiCall({ operation: "stored" }),
      { object: "response", deleted: true },
    ],
    ["a stored list", "openai-responses", openaiCall({ operation: "stored" }), { object: "list", data: [] }],
    [
      "a stored response that had failed",
      "openai-responses",
      openaiCall({ operation: "stored" }),
      { ...openaiResponse, status: "failed", error: { code: "server_error" } },
    ],
    [
      "a ChatGPT login's models",
      "openai-responses",
      openaiCall({ operation: "list-models" }),
      { models: [] },
    ],
  ];
  for (const [title, type, call, body] of rows) {
    it(title, () => {
      const observer = readAll(type, call, body);
      const isEmpty = body === "";
      assert.equal(observer.opening.kind, isEmpty ? "pending" : "content");
      assert.equal(observer.isTruncated, false);
    });
  }
});

describe("not an answer", () => {
  const families: [AccountType, Call, object[]][] = [
    ["claude-api", makeCall(), [geminiAnswer, openaiResponse, chatAnswer]],
    ["gemini-api", geminiCall(), [claudeMessage, openaiResponse, chatAnswer]],
    ["gemini", geminiCall(), [claudeMessage, openaiResponse, geminiAnswer]],
    ["openai-responses", openaiCall(), [claudeMessage, geminiAnswer, chatAnswer]],
  ];
  const shapes: [string, string][] = [
    ["a web page", "<!DOCTYPE html><html><title>Hello</title></html>"],
    ["a web page behind white space", "\n  <html></html>"],
    ["plain text", "OK"],
    ["text that begins like an event", "error: no upstream"],
    ["nothing", ""],
    ["white space", " \n\n "],
    ["null", "null"],
    ["a string", '"message"'],
    ["a number", "42"],
    ["an array", "[1]"],
    ["an empty array", "[]"],
    ["an empty object", "{}"],
    ["a code", '{"code":500,"msg":"fail"}'],
    ["an array of arrays", "[[]]"],
    ["broken JSON", '{"type":"message",}'],
    ["half of an object", '{"type":"message","content":['],
    ["comments alone", ": wait\n\n: wait\n\n"],
  ];
  for (const [type, call, foreign] of families) {
    const bodies = [
      ...shapes,
      ...foreign.map((body): [string, string] => [
        `another API's ${Object.keys(body)[0]}`,
        JSON.stringify(body),
      ]),
    ];
    for (const stream of [{}, streamed]) {
      for (const [title, body] of bodies) {
        it(`${title} for ${type}, ${call.path}${stream === streamed ? ", streamed" : ""}`, () => {
          const { opening, isTruncated, complete } = readAll(type, { ...call, ...stream }, body);
          assert.notEqual(opening.kind, "content", JSON.stringify(opening));
          assert.equal(isTruncated, true);
          assert.equal(complete && opening.kind !== "pending", false);
        });
      }
    }
    it(`an error in place of ${type}'s answer`, () => {
      for (const body of ['{"error":{"message":"x"}}', '{"error":{"code":429,"message":"x"},"id":1}']) {
        const { opening } = readAll(type, call, body);
        assert.deepEqual(opening, {
          kind: "error",
          event: JSON.parse(body),
          isAnswer: false,
        } satisfies Opening);
      }
    });
  }

  const small: [AccountType, Call][] = [
    ["claude-api", makeCall({ operation: "count-tokens" })],
    ["claude-api", makeCall({ operation: "list-models" })],
    ["gemini-api", geminiCall({ operation: "count-tokens" })],
    ["gemini-api", geminiCall({ operation: "list-models" })],
    ["gemini-api", geminiCall({ operation: "embed" })],
    ["gemini", geminiCall({ operation: "count-tokens" })],
    ["openai-responses", openaiCall({ operation: "count-tokens" })],
    ["openai-responses", openaiCall({ operation: "list-models" })],
  ];
  for (const [type, call] of small) {
    for (const body of ['{"code":500}', '{"error":"nope"}', '{"type":"message"}', '{"":{}}']) {
      it(`${body} for ${type}, ${call.operation}`, () => {
        assert.notEqual(readAll(type, call, body).opening.kind, "content");
      });
    }
  }

  const streams: [string, AccountType, Call, string][] = [
    ["chat chunks for Claude", "claude-api", makeCall(streamed), chatChunk],
    ["Gemini's events for Claude", "claude-api", makeCall(streamed), event(geminiAnswer)],
    ["OpenAI's events for Claude", "claude-api", makeCall(streamed), openaiDelta],
    ["chat chunks for OpenAI", "openai-responses", openaiCall(streamed), chatChunk],
    ["Claude's events for OpenAI", "openai-responses", openaiCall(streamed), claudeStart],
    ["Claude's events for Gemini", "gemini-api", geminiCall(streamed), claudeStart],
    ["chat chunks for Gemini", "gemini-api", geminiCall(streamed), chatChunk],
    ["bare Gemini events for Code Assist", "gemini", geminiCall(streamed), event(geminiAnswer)],
  ];
  for (const [title, type, call, body] of streams) {
    it(title, () => {
      const { opening, isTruncated } = readAll(type, call, body);
      const isRefused =
        opening.kind === "foreign" || (opening.kind === "pending" && opening.unknown !== undefined);
      assert.equal(isRefused, true, JSON.stringify(opening));
      assert.equal(isTruncated, true);
    });
  }
});

describe("an event that is not known yet", () => {
  const rows: [AccountType, Call, string, string][] = [
    ["claude-api", makeCall(streamed), event({ type: "greeting" }, "greeting"), claudeStart],
    ["openai-responses", openaiCall(streamed), event({ type: "codex.rate_limits" }), openaiDelta],
    ["gemini-api", geminiCall(streamed), event({ responseId: "r" }), event(geminiAnswer)],
    ["gemini", geminiCall(streamed), event({ traceId: "t" }), event({ response: geminiAnswer })],
  ];
  for (const [type, call, unknown, known] of rows) {
    it(`before ${type}'s first leaves the answer undecided until that comes`, () => {
      const observer = accountKinds[type].upstream.observe(call);
      observer.push(Buffer.from(unknown));
      assert.equal(observer.opening.kind, "pending");
      observer.push(Buffer.from(known));
      assert.equal(observer.opening.kind, "content");
    });
  }
});
