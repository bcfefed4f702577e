// The tricky examples of the mapping of requests, each whole.

import assert from "node:assert/strict";
import test from "node:test";
import { InvalidChatRequest } from "../../../src/dialects/chat/invalid.ts";
import { call, messagesOf, request, text, toClaude } from "./support.ts";

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
