// The tricky examples of the mapping, each whole.

import assert from "node:assert/strict";
import test from "node:test";
import { InvalidChatRequest } from "../../../src/dialects/chat/invalid.ts";
import { RelayError } from "../../../src/domain/errors.ts";
import {
  answerTo,
  blockDelta,
  blockStart,
  blockStop,
  call,
  chunk,
  claudeMessage,
  created,
  messageDelta,
  messageStart,
  messageStop,
  messagesOf,
  readSse,
  request,
  sse,
  streamed,
  streamTo,
  text,
  toClaude,
} from "./support.ts";

test("1: system messages are hoisted to the front in their order", () => {
  const { body, warnings } = toClaude({
    model: "claude-sonnet-4-5",
    max_tokens: 8192,
    messages: [
      { role: "system", content: "A" },
      { role: "user", content: "u1" },
      { role: "assistant", content: "a1" },
      { role: "system", content: "B" },
      { role: "user", content: "u2" },
    ],
  });
  assert.deepEqual(body, {
    model: "claude-sonnet-4-5",
    max_tokens: 8192,
    system: [text("A"), text("B")],
    messages: [
      { role: "user", content: [text("u1")] },
      { role: "assistant", content: [text("a1")] },
      { role: "user", content: [text("u2")] },
    ],
  });
  assert.deepEqual(warnings, []);
});

test("2: results out of order and the words after them become one user message", () => {
  const messages = messagesOf([
    { role: "user", content: "q" },
    { role: "assistant", content: null, tool_calls: [call("c1"), call("c2", "put", '{"a":1}')] },
    { role: "tool", tool_call_id: "c2", content: "2" },
    { role: "tool", tool_call_id: "c1", content: "1" },
    { role: "user", content: "go" },
  ]);
  assert.deepEqual(messages, [
    { role: "user", content: [text("q")] },
    {
      role: "assistant",
      content: [
        { type: "tool_use", id: "c1", name: "get", input: {} },
        { type: "tool_use", id: "c2", name: "put", input: { a: 1 } },
      ],
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "c2", content: "2" },
        { type: "tool_result", tool_use_id: "c1", content: "1" },
        text("go"),
      ],
    },
  ]);
});

test("3: an assistant message with empty content and a call has the call only", () => {
  const messages = messagesOf([
    { role: "user", content: "q" },
    { role: "assistant", content: "", tool_calls: [call("c1")] },
    { role: "tool", tool_call_id: "c1", content: "1" },
  ]) as unknown[];
  assert.deepEqual(messages[1], {
    role: "assistant",
    content: [{ type: "tool_use", id: "c1", name: "get", input: {} }],
  });
});

test("4: a foreign id used in two turns gets a counter, and results follow the nearest earlier call", () => {
  const messages = messagesOf([
    { role: "user", content: "q" },
    { role: "assistant", tool_calls: [call("functions.get:0")] },
    { role: "tool", tool_call_id: "functions.get:0", content: "first" },
    { role: "assistant", tool_calls: [call("functions.get:0")] },
    { role: "tool", tool_call_id: "functions.get:0", content: "second" },
  ]);
  assert.deepEqual(messages, [
    { role: "user", content: [text("q")] },
    {
      role: "assistant",
      content: [{ type: "tool_use", id: "functions_get_0", name: "get", input: {} }],
    },
    {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: "functions_get_0", content: "first" }],
    },
    {
      role: "assistant",
      content: [{ type: "tool_use", id: "functions_get_0_2", name: "get", input: {} }],
    },
    {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: "functions_get_0_2", content: "second" }],
    },
  ]);
});

test("5: empty arguments are an empty object, and what is no object stays readable", () => {
  const messages = messagesOf([
    { role: "user", content: "q" },
    {
      role: "assistant",
      tool_calls: [call("c1", "a", ""), call("c2", "b", "[1]"), call("c3", "c", "{oops")],
    },
    { role: "tool", tool_call_id: "c1", content: "1" },
    { role: "tool", tool_call_id: "c2", content: "2" },
    { role: "tool", tool_call_id: "c3", content: "3" },
  ]) as { content: { input?: unknown }[] }[];
  assert.deepEqual(
    messages[1]?.content.map(({ input }) => input),
    [{}, { _raw: "[1]" }, { _raw: "{oops" }],
  );
});

test("6: temperature is limited to 1 and top_p left out where both exclude each other; Opus 5.5 takes neither", () => {
  const sampling = { temperature: 1.7, top_p: 0.9 };
  const sonnet = toClaude(request(sampling));
  assert.equal(sonnet.body.temperature, 1);
  assert.equal("top_p" in sonnet.body, false);
  assert.deepEqual(sonnet.warnings, ["temperature clamped", "top_p dropped"]);
  const opus = toClaude(request({ model: "claude-opus-5-5", ...sampling }));
  assert.equal("temperature" in opus.body, false);
  assert.equal("top_p" in opus.body, false);
  assert.deepEqual(opus.warnings, ["temperature dropped", "top_p dropped"]);
});

test("7: a required tool becomes a line in the system prompt where Claude refuses to be forced", () => {
  const { body, warnings } = toClaude({
    model: "claude-opus-5-5",
    max_tokens: 8192,
    messages: [{ role: "user", content: "q" }],
    tools: [{ type: "function", function: { name: "get", parameters: { type: "object", properties: {} } } }],
    tool_choice: "required",
    parallel_tool_calls: false,
  });
  assert.deepEqual(body, {
    model: "claude-opus-5-5",
    max_tokens: 8192,
    system: [text("You must call a tool.")],
    messages: [{ role: "user", content: [text("q")] }],
    tools: [{ name: "get", input_schema: { type: "object", properties: {} } }],
    tool_choice: { type: "auto", disable_parallel_tool_use: true },
  });
  assert.deepEqual(warnings, ["tool_choice downgraded"]);
});

test("8: a thinking budget raises max_tokens, unless a tool loop has lost its signed thinking", () => {
  const parameters = {
    model: "claude-haiku-4-5",
    reasoning_effort: "high",
    max_tokens: 2000,
    temperature: 0.5,
  };
  const fresh = toClaude(request(parameters));
  assert.deepEqual(fresh.body.thinking, { type: "enabled", budget_tokens: 24_576 });
  assert.equal(fresh.body.max_tokens, 26_576);
  assert.equal("temperature" in fresh.body, false);
  assert.deepEqual(fresh.warnings, ["temperature dropped"]);

  const loop = (assistant: object) => [
    { role: "user", content: "q" },
    { role: "assistant", tool_calls: [call("c1")], ...assistant },
    { role: "tool", tool_call_id: "c1", content: "1" },
  ];
  const unsigned = toClaude(request({ ...parameters, messages: loop({}) }));
  assert.equal("thinking" in unsigned.body, false);
  assert.equal(unsigned.body.max_tokens, 2000);
  assert.equal(unsigned.body.temperature, 0.5);
  assert.deepEqual(unsigned.warnings, ["reasoning_effort dropped"]);

  const thinking = { type: "thinking", thinking: "hm", signature: "sig" };
  const signed = toClaude(request({ ...parameters, messages: loop({ thinking_blocks: [thinking] }) }));
  assert.deepEqual(signed.body.thinking, { type: "enabled", budget_tokens: 24_576 });
  assert.deepEqual((signed.body.messages as { content: unknown[] }[])[1]?.content, [
    thinking,
    { type: "tool_use", id: "c1", name: "get", input: {} },
  ]);
});

test("9: stop sequences of nothing but white space are left out", () => {
  const { body, warnings } = toClaude(request({ stop: ["\n", "END"] }));
  assert.deepEqual(body.stop_sequences, ["END"]);
  assert.deepEqual(warnings, ["stop dropped"]);
});

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

test("15: image/jpg is image/jpeg, and an SVG is refused by the part's place", () => {
  const image = (url: string) => ({ type: "image_url", image_url: { url } });
  const messages = messagesOf([{ role: "user", content: [image("data:image/jpg;base64,AAAA")] }]);
  assert.deepEqual(messages, [
    {
      role: "user",
      content: [{ type: "image", source: { type: "base64", media_type: "image/jpeg", data: "AAAA" } }],
    },
  ]);
  const svg = image("data:image/svg+xml;base64,AAAA");
  assert.throws(
    () => messagesOf([{ role: "user", content: [{ type: "text", text: "look" }, svg] }]),
    (error) =>
      error instanceof InvalidChatRequest &&
      error.code === "invalid_request" &&
      error.param === "messages[0].content[1]" &&
      error.message ===
        'messages[0].content[1]: an image must be jpeg, png, gif or webp; this one is "image/svg+xml".',
  );
});

test("16: a prefill is continued where it is refused, and sent without its last blank where it is not", () => {
  const messages = [
    { role: "user", content: "q" },
    { role: "assistant", content: "Sure, " },
  ];
  const newer = toClaude({ model: "claude-sonnet-4-6", max_tokens: 100, messages });
  assert.deepEqual(newer.body.messages, [
    { role: "user", content: [text("q")] },
    { role: "assistant", content: [text("Sure, ")] },
    { role: "user", content: [text("Continue.")] },
  ]);
  assert.deepEqual(newer.warnings, ["prefill downgraded"]);
  const older = toClaude({ model: "claude-sonnet-4-5", max_tokens: 100, messages });
  assert.deepEqual(older.body.messages, [
    { role: "user", content: [text("q")] },
    { role: "assistant", content: [text("Sure,")] },
  ]);
  assert.deepEqual(older.warnings, []);
});

test("17: a tool result keeps its images, and an empty one stays empty", () => {
  const messages = messagesOf([
    { role: "user", content: "q" },
    { role: "assistant", tool_calls: [call("c1"), call("c2")] },
    {
      role: "tool",
      tool_call_id: "c1",
      content: [
        { type: "text", text: "seen" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
      ],
    },
    { role: "tool", tool_call_id: "c2", content: "" },
  ]) as unknown[];
  assert.deepEqual(messages[2], {
    role: "user",
    content: [
      {
        type: "tool_result",
        tool_use_id: "c1",
        content: [
          text("seen"),
          { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
        ],
      },
      { type: "tool_result", tool_use_id: "c2", content: "" },
    ],
  });
});

test("18: what structured output cannot enforce is written into the description", () => {
  const schema = {
    type: "object",
    properties: { age: { type: "integer", minimum: 1 } },
    required: ["age"],
  };
  const { body, warnings } = toClaude(
    request({
      response_format: { type: "json_schema", json_schema: { name: "person", strict: true, schema } },
    }),
  );
  assert.deepEqual(body.output_config, {
    format: {
      type: "json_schema",
      schema: {
        type: "object",
        properties: { age: { type: "integer", description: "{minimum: 1}" } },
        required: ["age"],
        additionalProperties: false,
      },
    },
  });
  assert.deepEqual(warnings, ["response_format.schema downgraded"]);
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
