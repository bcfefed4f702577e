import assert from "node:assert/strict";
import test from "node:test";
import { call, convert, messagesOf, request, text, toClaude } from "./support.ts";

const user = (...content: unknown[]) => ({ role: "user", content });
const assistant = (...content: unknown[]) => ({ role: "assistant", content });

const conversions: { title: string; from: unknown[]; to: unknown[] }[] = [
  {
    title: "neighbours of the same role become one message",
    from: [
      { role: "user", content: "a" },
      { role: "user", content: "b" },
      { role: "assistant", content: "c" },
      { role: "assistant", content: "d" },
      { role: "user", content: "e" },
    ],
    to: [user(text("a"), text("b")), assistant(text("c"), text("d")), user(text("e"))],
  },
  {
    title: "blank texts are dropped, and a message left empty with them",
    from: [
      { role: "user", content: "a" },
      { role: "assistant", content: " \n" },
      { role: "user", content: [text(""), text("\t"), text("b")] },
    ],
    to: [user(text("a"), text("b"))],
  },
  {
    title: "an assistant's parts and refusal come as text before its calls",
    from: [
      { role: "user", content: "a" },
      {
        role: "assistant",
        content: [text("b"), { type: "refusal", refusal: "c" }],
        refusal: "d",
        tool_calls: [call("c1")],
      },
      { role: "tool", tool_call_id: "c1", content: "1" },
    ],
    to: [
      user(text("a")),
      assistant(text("b"), text("c"), text("d"), { type: "tool_use", id: "c1", name: "get", input: {} }),
      user({ type: "tool_result", tool_use_id: "c1", content: "1" }),
    ],
  },
  {
    title: "reasoning_content has no signature and is left out",
    from: [
      { role: "user", content: "a" },
      { role: "assistant", content: "b", reasoning_content: "thought" },
      { role: "user", content: "c" },
    ],
    to: [user(text("a")), assistant(text("b")), user(text("c"))],
  },
  {
    title: "results go before words that the user said first",
    from: [
      { role: "user", content: "a" },
      { role: "assistant", tool_calls: [call("c1")] },
      { role: "user", content: "b" },
      { role: "tool", tool_call_id: "c1", content: "1" },
    ],
    to: [
      user(text("a")),
      assistant({ type: "tool_use", id: "c1", name: "get", input: {} }),
      user({ type: "tool_result", tool_use_id: "c1", content: "1" }, text("b")),
    ],
  },
  {
    title: "a system message between call and result does not part them",
    from: [
      { role: "user", content: "a" },
      { role: "assistant", tool_calls: [call("c1")] },
      { role: "developer", content: "d" },
      { role: "tool", tool_call_id: "c1", content: "1" },
    ],
    to: [
      user(text("a")),
      assistant({ type: "tool_use", id: "c1", name: "get", input: {} }),
      user({ type: "tool_result", tool_use_id: "c1", content: "1" }),
    ],
  },
  {
    title: "one id used twice in a turn is answered in the order of the calls",
    from: [
      { role: "user", content: "a" },
      { role: "assistant", tool_calls: [call("c1", "x"), call("c1", "y")] },
      { role: "tool", tool_call_id: "c1", content: "1" },
      { role: "tool", tool_call_id: "c1", content: "2" },
    ],
    to: [
      user(text("a")),
      assistant(
        { type: "tool_use", id: "c1", name: "x", input: {} },
        { type: "tool_use", id: "c1_2", name: "y", input: {} },
      ),
      user(
        { type: "tool_result", tool_use_id: "c1", content: "1" },
        { type: "tool_result", tool_use_id: "c1_2", content: "2" },
      ),
    ],
  },
  {
    title: "ids that differ in refused characters only are kept apart",
    from: [
      { role: "user", content: "a" },
      { role: "assistant", tool_calls: [call("a.b"), call("a:b"), call("a_b_2"), call("")] },
      { role: "tool", tool_call_id: "", content: "4" },
      { role: "tool", tool_call_id: "a_b_2", content: "3" },
      { role: "tool", tool_call_id: "a:b", content: "2" },
      { role: "tool", tool_call_id: "a.b", content: "1" },
    ],
    to: [
      user(text("a")),
      assistant(
        { type: "tool_use", id: "a_b", name: "get", input: {} },
        { type: "tool_use", id: "a_b_2", name: "get", input: {} },
        { type: "tool_use", id: "a_b_2_2", name: "get", input: {} },
        { type: "tool_use", id: "call", name: "get", input: {} },
      ),
      user(
        { type: "tool_result", tool_use_id: "call", content: "4" },
        { type: "tool_result", tool_use_id: "a_b_2_2", content: "3" },
        { type: "tool_result", tool_use_id: "a_b_2", content: "2" },
        { type: "tool_result", tool_use_id: "a_b", content: "1" },
      ),
    ],
  },
  {
    title: "a counter passes over ids that are taken",
    from: [
      { role: "user", content: "a" },
      { role: "assistant", tool_calls: [call("c_2"), call("c_3"), call("c"), call("c")] },
      { role: "tool", tool_call_id: "c_2", content: "1" },
      { role: "tool", tool_call_id: "c_3", content: "2" },
      { role: "tool", tool_call_id: "c", content: "3" },
      { role: "tool", tool_call_id: "c", content: "4" },
    ],
    to: [
      user(text("a")),
      assistant(
        { type: "tool_use", id: "c_2", name: "get", input: {} },
        { type: "tool_use", id: "c_3", name: "get", input: {} },
        { type: "tool_use", id: "c", name: "get", input: {} },
        { type: "tool_use", id: "c_4", name: "get", input: {} },
      ),
      user(
        { type: "tool_result", tool_use_id: "c_2", content: "1" },
        { type: "tool_result", tool_use_id: "c_3", content: "2" },
        { type: "tool_result", tool_use_id: "c", content: "3" },
        { type: "tool_result", tool_use_id: "c_4", content: "4" },
      ),
    ],
  },
  {
    title: "ids that Claude gave out come back unchanged",
    from: [
      { role: "user", content: "a" },
      { role: "assistant", tool_calls: [call("toolu_01A-b")] },
      { role: "tool", tool_call_id: "toolu_01A-b", content: "1" },
    ],
    to: [
      user(text("a")),
      assistant({ type: "tool_use", id: "toolu_01A-b", name: "get", input: {} }),
      user({ type: "tool_result", tool_use_id: "toolu_01A-b", content: "1" }),
    ],
  },
  {
    title: "a function message answers the function_call before it",
    from: [
      { role: "user", content: "a" },
      { role: "assistant", content: null, function_call: { name: "get.it", arguments: '{"x":1}' } },
      { role: "function", name: "get.it", content: "1" },
      { role: "assistant", content: null, function_call: { name: "get.it", arguments: "" } },
      { role: "function", name: "get.it", content: "2" },
    ],
    to: [
      user(text("a")),
      assistant({ type: "tool_use", id: "function_get_it", name: "get.it", input: { x: 1 } }),
      user({ type: "tool_result", tool_use_id: "function_get_it", content: "1" }),
      assistant({ type: "tool_use", id: "function_get_it_2", name: "get.it", input: {} }),
      user({ type: "tool_result", tool_use_id: "function_get_it_2", content: "2" }),
    ],
  },
  {
    title: "signed thinking goes first, unchanged",
    from: [
      { role: "user", content: "a" },
      {
        role: "assistant",
        content: "b",
        thinking_blocks: [
          { type: "thinking", thinking: "t", signature: "s" },
          { type: "redacted_thinking", data: "d" },
        ],
      },
      { role: "user", content: "c" },
    ],
    to: [
      user(text("a")),
      assistant(
        { type: "thinking", thinking: "t", signature: "s" },
        { type: "redacted_thinking", data: "d" },
        text("b"),
      ),
      user(text("c")),
    ],
  },
  {
    title: "a conversation that begins with the assistant is sent as it is",
    from: [
      { role: "assistant", content: "a" },
      { role: "user", content: "b" },
    ],
    to: [assistant(text("a")), user(text("b"))],
  },
  {
    title: "a tool result's blank text is empty, and its text parts are blocks",
    from: [
      { role: "user", content: "a" },
      { role: "assistant", tool_calls: [call("c1"), call("c2"), call("c3"), call("c4")] },
      { role: "tool", tool_call_id: "c1", content: " \n" },
      { role: "tool", tool_call_id: "c2", content: [text("x"), text("y")] },
      { role: "tool", tool_call_id: "c3", content: [text("")] },
      { role: "tool", tool_call_id: "c4", content: null },
    ],
    to: [
      user(text("a")),
      assistant(
        { type: "tool_use", id: "c1", name: "get", input: {} },
        { type: "tool_use", id: "c2", name: "get", input: {} },
        { type: "tool_use", id: "c3", name: "get", input: {} },
        { type: "tool_use", id: "c4", name: "get", input: {} },
      ),
      user(
        { type: "tool_result", tool_use_id: "c1", content: "" },
        { type: "tool_result", tool_use_id: "c2", content: [text("x"), text("y")] },
        { type: "tool_result", tool_use_id: "c3", content: "" },
        { type: "tool_result", tool_use_id: "c4", content: "" },
      ),
    ],
  },
];

for (const { title, from, to } of conversions) {
  test(title, () => assert.deepEqual(messagesOf(from), to));
}

test("each part of a system message is a block of its own, blank ones left out", () => {
  const { body } = toClaude(
    request({
      messages: [
        { role: "system", content: [text("a"), text(" "), text("b")] },
        { role: "developer", content: "c" },
        { role: "user", content: "q" },
      ],
    }),
  );
  assert.deepEqual(body.system, [text("a"), text("b"), text("c")]);
});

test("numbers in arguments that a double cannot hold keep their digits", () => {
  const arguments_ = '{"id":12345678901234567890,"ratio":0.1,"deep":[{"n":-9007199254740993}]}';
  const { body } = rawBody([
    { role: "user", content: "a" },
    { role: "assistant", tool_calls: [call("c1", "get", arguments_)] },
    { role: "tool", tool_call_id: "c1", content: "1" },
  ]);
  assert.ok(body.includes(`"input":${arguments_}`), body);
});

test("a bare number as arguments is no object, however long", () => {
  const messages = messagesOf([
    { role: "user", content: "a" },
    { role: "assistant", tool_calls: [call("c1", "get", "12345678901234567890")] },
    { role: "tool", tool_call_id: "c1", content: "1" },
  ]) as { content: { input?: unknown }[] }[];
  assert.deepEqual(messages[1]?.content[0]?.input, { _raw: "12345678901234567890" });
});

test("absent arguments are an empty object", () => {
  const messages = messagesOf([
    { role: "user", content: "a" },
    { role: "assistant", tool_calls: [{ id: "c1", function: { name: "get" } }] },
    { role: "tool", tool_call_id: "c1", content: "1" },
  ]) as { content: { input?: unknown }[] }[];
  assert.deepEqual(messages[1]?.content[0]?.input, {});
});

test("cache breakpoints go onto their blocks, a tool's onto its result", () => {
  const mark = { prompt_cache_breakpoint: { mode: "explicit" } };
  const cache_control = { type: "ephemeral" };
  const { body, warnings } = toClaude(
    request({
      messages: [
        { role: "system", content: [{ ...text("s"), ...mark }] },
        { role: "user", content: [{ ...text("a"), cache_control: { type: "ephemeral", ttl: "1h" } }] },
        { role: "assistant", tool_calls: [call("c1")] },
        { role: "tool", tool_call_id: "c1", content: [{ ...text("1"), ...mark }] },
        { role: "user", content: [{ ...text("b"), ...mark }] },
      ],
    }),
  );
  assert.deepEqual(body.system, [{ ...text("s"), cache_control }]);
  assert.deepEqual(body.messages, [
    user({ ...text("a"), cache_control: { type: "ephemeral", ttl: "1h" } }),
    assistant({ type: "tool_use", id: "c1", name: "get", input: {} }),
    user(
      { type: "tool_result", tool_use_id: "c1", content: [text("1")], cache_control },
      { ...text("b"), cache_control },
    ),
  ]);
  assert.deepEqual(warnings, []);
});

test("of more than four cache breakpoints the last four stay, three with automatic caching", () => {
  const content = ["a", "b", "c", "d", "e"].map((letter) => ({
    ...text(letter),
    prompt_cache_breakpoint: { mode: "explicit" },
  }));
  const marked = (parameters: Record<string, unknown>) => {
    const { body, warnings } = toClaude(request({ messages: [{ role: "user", content }], ...parameters }));
    const [message] = body.messages as { content: { text: string; cache_control?: unknown }[] }[];
    const letters = message?.content.filter((block) => block.cache_control).map((block) => block.text);
    return { letters, warnings };
  };
  assert.deepEqual(marked({}), {
    letters: ["b", "c", "d", "e"],
    warnings: ["prompt_cache_breakpoint dropped"],
  });
  assert.deepEqual(marked({ cache_control: { type: "ephemeral" } }).letters, ["c", "d", "e"]);
});

function rawBody(messages: unknown[]): { body: string } {
  const conversion = convert(request({ messages }));
  return { body: String(conversion.call.body) };
}
