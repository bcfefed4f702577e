import assert from "node:assert/strict";
import test from "node:test";
import { maxAnswerBytes } from "../../../src/dialects/chat/answer.ts";
import { RelayError } from "../../../src/domain/errors.ts";
import { cutStep } from "../../support/draws.ts";
import { answerTo, claudeMessage, convert, created, goodHead, type Json, request } from "./support.ts";

const usage = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
};

test("a text answer, whole", () => {
  assert.deepEqual(answerTo({}, claudeMessage()), {
    id: "chatcmpl-msg_1",
    object: "chat.completion",
    created,
    model: "claude-sonnet-4-5-20250929",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "Hello", refusal: null },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage,
  });
});

const text = (value: string) => ({ type: "text", text: value });
const use = (id: string, input: unknown = {}) => ({ type: "tool_use", id, name: "get", input });
const called = (id: string, json = "{}") => ({
  id,
  type: "function",
  function: { name: "get", arguments: json },
});
const functions = [{ name: "get" }];

const messages: { title: string; parameters?: Json; content: unknown[]; message: Json }[] = [
  {
    title: "texts are joined",
    content: [text("a"), text("b")],
    message: { role: "assistant", content: "ab", refusal: null },
  },
  {
    title: "no content is an empty text",
    content: [],
    message: { role: "assistant", content: "", refusal: null },
  },
  {
    title: "calls without a text have no content",
    content: [use("toolu_1", { a: [1, "ü"] }), use("toolu_2")],
    message: {
      role: "assistant",
      content: null,
      refusal: null,
      tool_calls: [called("toolu_1", '{"a":[1,"ü"]}'), called("toolu_2")],
    },
  },
  {
    title: "calls with a text have both",
    content: [text("a"), use("toolu_1")],
    message: { role: "assistant", content: "a", refusal: null, tool_calls: [called("toolu_1")] },
  },
  {
    title: "thinking is reasoning, what is redacted is not shown",
    content: [
      { type: "thinking", thinking: "t1", signature: "s" },
      { type: "redacted_thinking", data: "d" },
      { type: "thinking", thinking: "t2", signature: "s" },
      text("a"),
    ],
    message: { role: "assistant", content: "a", refusal: null, reasoning_content: "t1t2" },
  },
  {
    title: "thinking without text is left out",
    content: [{ type: "thinking", thinking: "", signature: "s" }, text("a")],
    message: { role: "assistant", content: "a", refusal: null },
  },
  {
    title: "server tools, and what is not known, are left out",
    content: [
      { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: {} },
      { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [] },
      { type: "brand_new", text: "x" },
      null,
      "x",
      text("a"),
    ],
    message: { role: "assistant", content: "a", refusal: null },
  },
  {
    title: "a legacy client gets its one function_call",
    parameters: { functions },
    content: [use("toolu_1", { a: 1 })],
    message: {
      role: "assistant",
      content: null,
      refusal: null,
      function_call: { name: "get", arguments: '{"a":1}' },
    },
  },
  {
    title: "a legacy client that gets a text",
    parameters: { functions },
    content: [text("a")],
    message: { role: "assistant", content: "a", refusal: null },
  },
  {
    title: "a call without input has an empty object",
    content: [{ type: "tool_use", id: "toolu_1", name: "get" }],
    message: { role: "assistant", content: null, refusal: null, tool_calls: [called("toolu_1")] },
  },
];

for (const { title, parameters = {}, content, message } of messages) {
  test(`message: ${title}`, () => {
    assert.deepEqual(choiceOf(parameters, { content }).message, message);
  });
}

const reasons: [stop: unknown, finish: string, legacy?: string][] = [
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["pause_turn", "stop"],
  ["compaction", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["tool_use", "tool_calls", "function_call"],
  ["refusal", "content_filter"],
  [null, "stop"],
  [undefined, "stop"],
  ["brand_new", "stop"],
];

for (const [stop_reason, finish, legacy = finish] of reasons) {
  test(`stop_reason ${stop_reason} is finish_reason ${finish}`, () => {
    assert.equal(choiceOf({}, { stop_reason }).finish_reason, finish);
    assert.equal(choiceOf({ functions }, { stop_reason }).finish_reason, legacy);
  });
}

test("a refusal says why, with the text as far as it got", () => {
  const refused = (stop_details: unknown) =>
    choiceOf({}, { content: [text("I")], stop_reason: "refusal", stop_details }).message;
  assert.deepEqual(refused({ type: "refusal", category: "bio", explanation: "because" }), {
    role: "assistant",
    content: "I",
    refusal: "because",
  });
  for (const details of [null, undefined, { explanation: null }, "x"]) {
    assert.deepEqual(refused(details), {
      role: "assistant",
      content: "I",
      refusal: "The model declined to answer this request.",
    });
  }
});

const usages: { title: string; from: unknown; to: Json }[] = [
  {
    title: "caches count into the prompt",
    from: {
      input_tokens: 10,
      cache_creation_input_tokens: 2000,
      cache_read_input_tokens: 30_000,
      output_tokens: 250,
      output_tokens_details: { thinking_tokens: 90 },
    },
    to: {
      prompt_tokens: 32_010,
      completion_tokens: 250,
      total_tokens: 32_260,
      prompt_tokens_details: { cached_tokens: 30_000, cache_write_tokens: 2000 },
      completion_tokens_details: { reasoning_tokens: 90 },
    },
  },
  {
    title: "figures that are null or absent are zero",
    from: {
      input_tokens: 10,
      cache_creation_input_tokens: null,
      output_tokens: 5,
      output_tokens_details: null,
    },
    to: usage,
  },
  {
    title: "no usage is zero",
    from: undefined,
    to: {
      ...usage,
      prompt_tokens: 0,
      completion_tokens: 0,
      total_tokens: 0,
    },
  },
];

for (const { title, from, to } of usages) {
  test(`usage: ${title}`, () => assert.deepEqual(answerTo({}, claudeMessage({ usage: from })).usage, to));
}

const json = { response_format: { type: "json_object" } };
const fences: [title: string, from: string, to: string][] = [
  ["a fence", '```json\n{"a":1}\n```', '{"a":1}'],
  ["a fence without a language", ' ```\n{"a":1}```\n', '{"a":1}'],
  ["a fence with Windows line ends", '```JSON \r\n{"a":1}\r\n```', '{"a":1}'],
  ["no fence", '{"a":1}', '{"a":1}'],
  ["words around a fence", 'Here:\n```json\n{"a":1}\n```', 'Here:\n```json\n{"a":1}\n```'],
  ["half a fence", "```json\n{", "```json\n{"],
  ["an empty fence", "```\n```", ""],
];

for (const [title, from, to] of fences) {
  test(`JSON asked for in words, in ${title}`, () => {
    assert.equal((choiceOf(json, { content: [text(from)] }).message as Json).content, to);
  });
}

test("a fence that nobody asked JSON in stays", () => {
  const fenced = '```json\n{"a":1}\n```';
  assert.equal((choiceOf({}, { content: [text(fenced)] }).message as Json).content, fenced);
});

test("numbers in a tool's input that a double cannot hold keep their digits", () => {
  const transform = convert(request()).answer(goodHead);
  const message = JSON.stringify(claudeMessage({ content: [use("toolu_1", { id: "ID" })] }));
  transform.push(Buffer.from(message.replace('"ID"', "12345678901234567890")));
  const answer = JSON.parse(String(transform.end()));
  assert.equal(answer.choices[0].message.tool_calls[0].function.arguments, '{"id":12345678901234567890}');
});

test("an answer cut at every byte is the same answer", () => {
  const bytes = Buffer.from(JSON.stringify(claudeMessage({ content: [text("grün 😀")] })));
  const whole = answerTo({}, JSON.parse(String(bytes)));
  for (let cut = 0; cut <= bytes.length; cut += cutStep) {
    const transform = convert(request()).answer(goodHead);
    assert.equal(transform.push(bytes.subarray(0, cut)).length, 0);
    assert.equal(transform.push(bytes.subarray(cut)).length, 0);
    assert.deepEqual(JSON.parse(String(transform.end())), whole);
  }
});

test("an answer that is no whole message is an error of the upstream, and nothing is invented", () => {
  const broken = [
    "",
    "{",
    "null",
    "[]",
    '"x"',
    "{}",
    '{"content":"x"}',
    '{"type":"error","error":{}}',
    "<html>",
  ];
  for (const body of broken) {
    const transform = convert(request()).answer(goodHead);
    transform.push(Buffer.from(body));
    assert.throws(
      () => transform.end(),
      (error) => error instanceof RelayError && error.code === "upstream_unreachable",
      body,
    );
    assert.equal(transform.fail(new RelayError("upstream_unreachable", "broken")), undefined);
  }
});

test("an answer beyond the bound is dropped, and not kept", () => {
  const transform = convert(request()).answer(goodHead);
  const megabytes = Buffer.alloc(8 * 1024 * 1024, " ");
  const push = () => {
    for (let sent = 0; sent <= maxAnswerBytes; sent += megabytes.length) transform.push(megabytes);
  };
  assert.throws(
    push,
    (error) =>
      error instanceof RelayError &&
      error.message ===
        "The provider's answer cannot be used: it is too large to convert as a whole; ask for it as a stream.",
  );
});

test("the headers name the new content type, and the request's id as OpenAI's SDKs read it", () => {
  const headersOf = (headers: Record<string, string>) =>
    convert(request()).answer({ status: 200, headers }).headers;
  assert.deepEqual(headersOf({}), ["content-type", "application/json"]);
  assert.deepEqual(headersOf({ "request-id": "req_1" }), [
    "content-type",
    "application/json",
    "x-request-id",
    "req_1",
  ]);
  assert.deepEqual(headersOf({ "request-id": "req_1", "x-request-id": "own" }), [
    "content-type",
    "application/json",
  ]);
});

function choiceOf(parameters: Json, parts: Json): Json {
  const answer = answerTo(parameters, claudeMessage(parts)) as { choices: Json[] };
  assert.equal(answer.choices.length, 1);
  return answer.choices[0]!;
}
