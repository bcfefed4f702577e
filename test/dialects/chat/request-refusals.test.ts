// Messages that cannot be converted are refused, with the place of what is wrong.

import assert from "node:assert/strict";
import test from "node:test";
import { InvalidChatRequest } from "../../../src/dialects/chat/invalid.ts";
import { call, messagesOf, text } from "./support.ts";

const refusals: { title: string; messages: unknown; param: string; code?: string }[] = [
  { title: "no messages", messages: undefined, param: "messages" },
  { title: "messages that are no array", messages: "hi", param: "messages" },
  { title: "an empty conversation", messages: [], param: "messages" },
  {
    title: "a conversation of system messages",
    messages: [{ role: "system", content: "a" }],
    param: "messages",
  },
  { title: "a conversation of blanks", messages: [{ role: "user", content: " " }], param: "messages" },
  { title: "a message that is no object", messages: ["hi"], param: "messages[0]" },
  { title: "a message without a role", messages: [{ content: "hi" }], param: "messages[0].role" },
  { title: "an unknown role", messages: [{ role: "robot", content: "hi" }], param: "messages[0].role" },
  { title: "a user without content", messages: [{ role: "user" }], param: "messages[0].content" },
  {
    title: "content of a wrong type",
    messages: [{ role: "user", content: 5 }],
    param: "messages[0].content",
  },
  {
    title: "a part that is no object",
    messages: [{ role: "user", content: ["hi"] }],
    param: "messages[0].content[0]",
  },
  {
    title: "a part without a type",
    messages: [{ role: "user", content: [{ text: "hi" }] }],
    param: "messages[0].content[0].type",
  },
  {
    title: "a text part without text",
    messages: [{ role: "user", content: [{ type: "text" }] }],
    param: "messages[0].content[0].text",
  },
  {
    title: "an unknown part",
    messages: [{ role: "user", content: [{ type: "video_url" }] }],
    param: "messages[0].content[0]",
    code: "unsupported_content",
  },
  {
    title: "audio from the user",
    messages: [
      { role: "user", content: [{ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }] },
    ],
    param: "messages[0].content[0]",
    code: "unsupported_content",
  },
  {
    title: "an image in a system message",
    messages: [
      { role: "system", content: [{ type: "image_url", image_url: { url: "https://example.com/a.png" } }] },
      { role: "user", content: "q" },
    ],
    param: "messages[0].content[0]",
    code: "unsupported_content",
  },
  {
    title: "audio of the assistant",
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", audio: { id: "audio_1" } },
    ],
    param: "messages[1].audio",
    code: "unsupported_content",
  },
  {
    title: "a call without a result",
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", tool_calls: [call("c1"), call("c2")] },
      { role: "tool", tool_call_id: "c1", content: "1" },
      { role: "user", content: "go" },
    ],
    param: "messages[1].tool_calls",
  },
  {
    title: "a call without a result before the next turn",
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", tool_calls: [call("c1")] },
      { role: "user", content: "go" },
      { role: "assistant", content: "a" },
      { role: "tool", tool_call_id: "c1", content: "1" },
    ],
    param: "messages[1].tool_calls",
  },
  {
    title: "a call at the end of the conversation",
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", tool_calls: [call("c1")] },
    ],
    param: "messages[1].tool_calls",
  },
  {
    title: "a result without a call",
    messages: [
      { role: "user", content: "q" },
      { role: "tool", tool_call_id: "c1", content: "1" },
    ],
    param: "messages[1].tool_call_id",
  },
  {
    title: "a second result of one call",
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", tool_calls: [call("c1")] },
      { role: "tool", tool_call_id: "c1", content: "1" },
      { role: "tool", tool_call_id: "c1", content: "1" },
    ],
    param: "messages[3].tool_call_id",
  },
  {
    title: "a result without an id",
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", tool_calls: [call("c1")] },
      { role: "tool", content: "1" },
    ],
    param: "messages[2].tool_call_id",
  },
  {
    title: "a function message without its call",
    messages: [
      { role: "user", content: "q" },
      { role: "function", name: "get", content: "1" },
    ],
    param: "messages[1].name",
  },
  {
    title: "a call that is no function",
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", tool_calls: [{ id: "c1", type: "custom", custom: { name: "x", input: "" } }] },
    ],
    param: "messages[1].tool_calls[0]",
    code: "unsupported_value",
  },
  {
    title: "a call without an id",
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", tool_calls: [{ type: "function", function: { name: "x", arguments: "" } }] },
    ],
    param: "messages[1].tool_calls[0].id",
  },
  {
    title: "arguments that are no text",
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", tool_calls: [call("c1", "get", { a: 1 })] },
    ],
    param: "messages[1].tool_calls[0].function.arguments",
  },
  {
    title: "a thinking block without its signature",
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", content: "a", thinking_blocks: [{ type: "thinking", thinking: "t" }] },
    ],
    param: "messages[1].thinking_blocks[0].signature",
  },
  {
    title: "a thinking block of another type",
    messages: [
      { role: "user", content: "q" },
      { role: "assistant", content: "a", thinking_blocks: [{ type: "text", text: "t" }] },
    ],
    param: "messages[1].thinking_blocks[0]",
  },
  {
    title: "a cache breakpoint of a wrong type",
    messages: [{ role: "user", content: [{ ...text("a"), prompt_cache_breakpoint: "yes" }] }],
    param: "messages[0].content[0].prompt_cache_breakpoint",
  },
];

for (const { title, messages, param, code } of refusals) {
  test(`${title} is refused, and ${param} named`, () => {
    assert.throws(
      () => messagesOf(messages as unknown[]),
      (error) => {
        assert.ok(error instanceof InvalidChatRequest, String(error));
        assert.equal(error.code, "invalid_request");
        assert.equal(error.param, param);
        assert.equal(error.apiCode, code);
        assert.ok(error.message.startsWith(`${param}: `), error.message);
        return true;
      },
    );
  });
}

test("the refusal of an unanswered call names the ids that wait, a few of them and short", () => {
  const ids = ["c1", "c2", "c3", "c4", "c5", "c6", "x".repeat(100_000)];
  const messages = [
    { role: "user", content: "q" },
    { role: "assistant", tool_calls: ids.map((id) => call(id)) },
    { role: "tool", tool_call_id: "c2", content: "2" },
  ];
  assert.throws(
    () => messagesOf(messages),
    (error) =>
      error instanceof Error &&
      error.message ===
        "messages[1].tool_calls: An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
          `The following tool_call_ids did not have response messages: "c1", "c3", "c4", "c5", "c6", ….`,
  );
});
