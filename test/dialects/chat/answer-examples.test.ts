// The tricky examples of the mapping of answers, each whole.

import assert from "node:assert/strict";
import test from "node:test";
import { RelayError } from "../../../src/domain/errors.ts";
import {
  answerTo,
  blockDelta,
  blockStart,
  blockStop,
  chunk,
  claudeMessage,
  created,
  messageDelta,
  messageStart,
  messageStop,
  readSse,
  sse,
  streamed,
  streamTo,
} from "./support.ts";

test("10: a tool call without arguments streams an empty object at its end", () => {
  assert.deepEqual(
    streamed(
      {},
      messageStart,
      blockStart(0, { type: "tool_use", id: "toolu_1", name: "now", input: {} }),
      blockStop(0),
      messageDelta({ stop_reason: "tool_use" }),
      messageStop,
    ),
    [
      chunk({ role: "assistant", content: "" }),
      chunk({
        tool_calls: [{ index: 0, id: "toolu_1", type: "function", function: { name: "now", arguments: "" } }],
      }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: "{}" } }] }),
      chunk({}, "tool_calls"),
      "[DONE]",
    ],
  );
});

test("11: tool calls are counted by themselves, not by content block", () => {
  const started = (index: number, id: string, name: string) =>
    chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] });
  const piece = (index: number, json: string) =>
    chunk({ tool_calls: [{ index, function: { arguments: json } }] });
  assert.deepEqual(
    streamed(
      {},
      messageStart,
      blockStart(0, { type: "thinking", thinking: "", signature: "" }),
      blockDelta(0, { type: "thinking_delta", thinking: "let me see" }),
      blockDelta(0, { type: "signature_delta", signature: "abc" }),
      blockStop(0),
      blockStart(1, { type: "text", text: "" }),
      blockDelta(1, { type: "text_delta", text: "Looking." }),
      blockStop(1),
      blockStart(2, { type: "tool_use", id: "toolu_1", name: "a", input: {} }),
      blockDelta(2, { type: "input_json_delta", partial_json: "" }),
      blockDelta(2, { type: "input_json_delta", partial_json: '{"x":' }),
      blockDelta(2, { type: "input_json_delta", partial_json: "1}" }),
      blockStop(2),
      blockStart(3, { type: "tool_use", id: "toolu_2", name: "b", input: {} }),
      blockDelta(3, { type: "input_json_delta", partial_json: "{}" }),
      blockStop(3),
      messageDelta({ stop_reason: "tool_use" }),
      messageStop,
    ),
    [
      chunk({ role: "assistant", content: "" }),
      chunk({ reasoning_content: "let me see" }),
      chunk({ content: "Looking." }),
      started(0, "toolu_1", "a"),
      piece(0, '{"x":'),
      piece(0, "1}"),
      started(1, "toolu_2", "b"),
      piece(1, "{}"),
      chunk({}, "tool_calls"),
      "[DONE]",
    ],
  );
});

test("12: later figures replace earlier ones, and cached input counts into the prompt", () => {
  const start = structuredClone(messageStart);
  (start.message as { usage: unknown }).usage = {
    input_tokens: 10,
    cache_creation_input_tokens: 2000,
    cache_read_input_tokens: 30_000,
    output_tokens: 1,
  };
  const events = streamed(
    { stream_options: { include_usage: true } },
    start,
    messageDelta(
      { stop_reason: "end_turn" },
      { output_tokens: 250, output_tokens_details: { thinking_tokens: 90 } },
    ),
    messageStop,
  );
  assert.deepEqual(events, [
    chunk({ role: "assistant", content: "" }, null, { usage: null }),
    chunk({}, "stop", { usage: null }),
    {
      id: "chatcmpl-msg_1",
      object: "chat.completion.chunk",
      created,
      model: "claude-sonnet-4-5-20250929",
      choices: [],
      usage: {
        prompt_tokens: 32_010,
        completion_tokens: 250,
        total_tokens: 32_260,
        prompt_tokens_details: { cached_tokens: 30_000, cache_write_tokens: 2000 },
        completion_tokens_details: { reasoning_tokens: 90 },
      },
    },
    "[DONE]",
  ]);
});

test("13: an overload in mid-stream is an error event without [DONE]", () => {
  const transform = streamTo();
  const words = ["a", "b", "c"].map((word) => blockDelta(0, { type: "text_delta", text: word }));
  const before = readSse(transform.push(Buffer.from(sse(messageStart, ...words))));
  assert.deepEqual(before, [
    chunk({ role: "assistant", content: "" }),
    chunk({ content: "a" }),
    chunk({ content: "b" }),
    chunk({ content: "c" }),
  ]);
  const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
  const after = Buffer.concat([transform.push(Buffer.from(sse(error))), transform.end()]);
  assert.deepEqual(readSse(after), [
    { error: { message: "Overloaded", type: "server_error", param: null, code: "server_is_overloaded" } },
  ]);
});

test("14: a refusal in a stream says why and ends with content_filter", () => {
  const details = { type: "refusal", category: "cyber", explanation: "no" };
  assert.deepEqual(
    streamed(
      {},
      messageStart,
      blockStart(0, { type: "text", text: "" }),
      blockDelta(0, { type: "text_delta", text: "I" }),
      blockStop(0),
      messageDelta({ stop_reason: "refusal", stop_details: details }),
      messageStop,
    ),
    [
      chunk({ role: "assistant", content: "" }),
      chunk({ content: "I" }),
      chunk({ refusal: "no" }),
      chunk({}, "content_filter"),
      "[DONE]",
    ],
  );
});

test("an answer without the last event is no answer, streamed or not", () => {
  const transform = streamTo();
  transform.push(Buffer.from(sse(messageStart)));
  assert.throws(() => transform.end(), RelayError);
  assert.throws(
    () => answerTo({}, { ...claudeMessage(), content: undefined }),
    (error) => error instanceof RelayError && error.code === "upstream_unreachable",
  );
});
