// What of messages, parts and calls has no place in Claude's API is named, and nothing else.

import assert from "node:assert/strict";
import test from "node:test";
import { call, type Json, request, text, toClaude } from "./support.ts";

test("the names of speakers are reported as dropped, those of tools are not missed", () => {
  const named = toClaude(request({ messages: [{ role: "user", name: "eve", content: "a" }] }));
  assert.deepEqual(named.warnings, ["messages.name dropped"]);
  assert.deepEqual(named.body.messages, [{ role: "user", content: [text("a")] }]);
  const tools = toClaude(
    request({
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", tool_calls: [call("c1")] },
        { role: "tool", name: "get", tool_call_id: "c1", content: "1" },
      ],
    }),
  );
  assert.deepEqual(tools.warnings, []);
});

const question = { role: "user", content: "a" };
const turnWith = (extras: Json) => [question, { role: "assistant", content: "b", ...extras }, question];
const callWith = (extras: Json) => [
  question,
  { role: "assistant", tool_calls: [{ ...call("c1"), ...extras }] },
  { role: "tool", tool_call_id: "c1", content: "1" },
];

const droppedMembers: { title: string; messages: unknown[]; warnings: string[] }[] = [
  {
    title: "reasoning that nobody signed",
    messages: turnWith({ reasoning_content: "t", reasoning_details: [{ text: "t" }] }),
    warnings: ["messages.reasoning_content dropped", "messages.reasoning_details dropped"],
  },
  {
    title: "a call that a user cannot make",
    messages: [{ ...question, tool_calls: [call("c1")] }],
    warnings: ["messages.tool_calls dropped"],
  },
  {
    title: "another provider's mark on a call",
    messages: callWith({ extra_content: { google: { thought_signature: "s" } } }),
    warnings: ["tool_calls.extra_content dropped"],
  },
  {
    title: "what a part has beside its content",
    messages: [{ role: "user", content: [{ ...text("a"), annotations: [{}] }] }],
    warnings: ["content.annotations dropped"],
  },
  {
    title: "a member whose name fits into no header",
    messages: [{ ...question, "x\r\ny": 1 }],
    warnings: ["messages: members dropped"],
  },
];

for (const { title, messages, warnings } of droppedMembers) {
  test(`${title} is reported as dropped`, () => {
    assert.deepEqual(toClaude(request({ messages })).warnings, warnings);
  });
}

test("what the SDK leaves on a message that comes back, and what asks for nothing, is not reported", () => {
  const { arguments: json } = call("c1").function;
  const nothing = { refusal: null, annotations: [], audio: null, function_call: null, parsed: { a: 1 } };
  for (const messages of [
    turnWith(nothing),
    callWith({ index: 0, function: { name: "get", arguments: json, parsed_arguments: {} } }),
  ]) {
    assert.deepEqual(toClaude(request({ messages })).warnings, []);
  }
});
