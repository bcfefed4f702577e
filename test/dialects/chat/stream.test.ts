import assert from "node:assert/strict";
import test from "node:test";
import {
  blockDelta,
  blockStart,
  blockStop,
  chunk,
  convert,
  ending,
  type Json,
  lastEvents,
  messageDelta,
  messageStart,
  messageStop,
  opening,
  readSse,
  request,
  sse,
  streamed,
  streamTo,
} from "./support.ts";

const functions = [{ name: "get" }];
const tool = (input: unknown = {}) => blockStart(0, { type: "tool_use", id: "toolu_1", name: "get", input });
const toolStarted = chunk({
  tool_calls: [{ index: 0, id: "toolu_1", type: "function", function: { name: "get", arguments: "" } }],
});
const piece = (json: string) => chunk({ tool_calls: [{ index: 0, function: { arguments: json } }] });

const rows: { title: string; parameters?: Json; events: Json[]; chunks: unknown[] }[] = [
  { title: "nothing but start and end", events: [messageStart, ...lastEvents], chunks: [opening, ...ending] },
  {
    title: "pings are not passed on",
    events: [{ type: "ping" }, messageStart, { type: "ping" }, ...lastEvents],
    chunks: [opening, ...ending],
  },
  {
    title: "text pieces",
    events: [
      messageStart,
      blockStart(0, { type: "text", text: "" }),
      blockDelta(0, { type: "text_delta", text: "a" }),
      blockDelta(0, { type: "text_delta", text: "" }),
      blockDelta(0, { type: "text_delta", text: " 😀" }),
      blockStop(0),
      ...lastEvents,
    ],
    chunks: [opening, chunk({ content: "a" }), chunk({ content: " 😀" }), ...ending],
  },
  {
    title: "text and thinking that a block starts with",
    events: [
      messageStart,
      blockStart(0, { type: "thinking", thinking: "t" }),
      blockStart(1, { type: "text", text: "a" }),
      ...lastEvents,
    ],
    chunks: [opening, chunk({ reasoning_content: "t" }), chunk({ content: "a" }), ...ending],
  },
  {
    title: "signatures, redacted thinking, citations and server tools are not passed on",
    events: [
      messageStart,
      blockStart(0, { type: "redacted_thinking", data: "x" }),
      blockDelta(0, { type: "signature_delta", signature: "x" }),
      blockStop(0),
      blockStart(1, { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: {} }),
      blockDelta(1, { type: "input_json_delta", partial_json: '{"query":"x"}' }),
      blockStop(1),
      blockStart(2, { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [] }),
      blockStop(2),
      blockDelta(3, { type: "citations_delta", citation: {} }),
      ...lastEvents,
    ],
    chunks: [opening, ...ending],
  },
  {
    title: "unknown events, deltas and blocks survive",
    events: [
      { type: "brand_new", content: "x" },
      messageStart,
      blockStart(0, { type: "brand_new", text: "x" }),
      blockDelta(0, { type: "brand_new_delta", text: "x" }),
      blockStop(0),
      blockStop(99),
      blockDelta(7, { type: "input_json_delta", partial_json: "{}" }),
      { type: "content_block_start", index: 1 },
      { type: "content_block_delta", index: 1 },
      { type: "message_delta" },
      ...lastEvents,
    ],
    chunks: [opening, ...ending],
  },
  {
    title: "a call whose arguments come with its start",
    events: [messageStart, tool({ a: 1 }), blockStop(0), ...lastEvents],
    chunks: [opening, toolStarted, piece('{"a":1}'), ...ending],
  },
  {
    title: "a call whose only piece is empty",
    events: [
      messageStart,
      tool(),
      blockDelta(0, { type: "input_json_delta", partial_json: "" }),
      blockStop(0),
      ...lastEvents,
    ],
    chunks: [opening, toolStarted, piece("{}"), ...ending],
  },
  {
    title: "a call that nothing ended before the message did",
    events: [messageStart, tool(), ...lastEvents],
    chunks: [opening, toolStarted, piece("{}"), ...ending],
  },
  {
    title: "a legacy call",
    parameters: { functions },
    events: [
      messageStart,
      tool(),
      blockDelta(0, { type: "input_json_delta", partial_json: '{"a":' }),
      blockDelta(0, { type: "input_json_delta", partial_json: "1}" }),
      blockStop(0),
      messageDelta({ stop_reason: "tool_use" }),
      messageStop,
    ],
    chunks: [
      opening,
      chunk({ function_call: { name: "get", arguments: "" } }),
      chunk({ function_call: { arguments: '{"a":' } }),
      chunk({ function_call: { arguments: "1}" } }),
      chunk({}, "function_call"),
      "[DONE]",
    ],
  },
  {
    title: "a legacy client gets no second call",
    parameters: { functions },
    events: [
      messageStart,
      tool(),
      blockStop(0),
      blockStart(1, { type: "tool_use", id: "toolu_2", name: "get", input: {} }),
      blockStop(1),
      ...lastEvents,
    ],
    chunks: [
      opening,
      chunk({ function_call: { name: "get", arguments: "" } }),
      chunk({ function_call: { arguments: "{}" } }),
      ...ending,
    ],
  },
  {
    title: "the last stop reason counts",
    events: [
      messageStart,
      messageDelta({ stop_reason: "max_tokens" }),
      messageDelta({ stop_reason: null }),
      messageStop,
    ],
    chunks: [opening, chunk({}, "length"), "[DONE]"],
  },
  {
    title: "no stop reason is a plain end",
    events: [messageStart, messageStop],
    chunks: [opening, ...ending],
  },
  {
    title: "what follows the end is nobody's",
    events: [messageStart, ...lastEvents, blockDelta(0, { type: "text_delta", text: "x" }), messageStop],
    chunks: [opening, ...ending],
  },
];

for (const { title, parameters = {}, events, chunks } of rows) {
  test(`stream: ${title}`, () => assert.deepEqual(streamed(parameters, ...events), chunks));
}

for (const [stop_reason, finish] of [
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["pause_turn", "stop"],
  ["compaction", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["tool_use", "tool_calls"],
  ["brand_new", "stop"],
]) {
  test(`stream: stop_reason ${stop_reason} is finish_reason ${finish}`, () => {
    const chunks = streamed({}, messageStart, messageDelta({ stop_reason }), messageStop);
    assert.deepEqual(chunks, [opening, chunk({}, finish), "[DONE]"]);
  });
}

test("stream: a refusal without an explanation is reported all the same", () => {
  const chunks = streamed({}, messageStart, messageDelta({ stop_reason: "refusal" }), messageStop);
  const refusal = "The model declined to answer this request.";
  assert.deepEqual(chunks, [opening, chunk({ refusal }), chunk({}, "content_filter"), "[DONE]"]);
});

test("without message_start the chunks still have a head", () => {
  const [first, second] = streamed(
    {},
    blockDelta(0, { type: "text_delta", text: "a" }),
    ...lastEvents,
  ) as Json[];
  assert.equal(first?.id, "chatcmpl-unknown");
  assert.deepEqual(first?.choices, [
    { index: 0, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null },
  ]);
  assert.deepEqual(second?.choices, [
    { index: 0, delta: { content: "a" }, logprobs: null, finish_reason: null },
  ]);
});

test("usage is sent only to a client that asked for it, in one chunk of its own", () => {
  const events = [
    messageStart,
    messageDelta({ stop_reason: "end_turn" }, { output_tokens: 7, input_tokens: null }),
    messageStop,
  ];
  const asked = streamed({ stream_options: { include_usage: true } }, ...events) as Json[];
  assert.deepEqual(
    asked.map((each) => each.usage),
    [
      null,
      null,
      {
        prompt_tokens: 10,
        completion_tokens: 7,
        total_tokens: 17,
        prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
      undefined,
    ],
  );
  assert.deepEqual(asked[2]?.choices, []);
  const unasked = streamed({ stream_options: { include_usage: false } }, ...events) as Json[];
  assert.deepEqual(
    unasked.map((each) => Object.hasOwn(Object(each), "usage")),
    [false, false, false],
  );
});

test("a chunk goes out with the event it came from", () => {
  const transform = streamTo();
  const push = (event: Json) => readSse(transform.push(Buffer.from(sse(event))));
  assert.deepEqual(push(messageStart), [opening]);
  assert.deepEqual(push(tool()), [toolStarted]);
  assert.deepEqual(push(blockDelta(0, { type: "input_json_delta", partial_json: '{"a"' })), [piece('{"a"')]);
  assert.deepEqual(push(messageDelta({ stop_reason: "tool_use" })), []);
  assert.deepEqual(push(messageStop), [chunk({}, "tool_calls"), "[DONE]"]);
  assert.equal(transform.end().length, 0);
});

test("the headers name an event stream, and the request's id as OpenAI's SDKs read it", () => {
  const { headers } = convert(request({ stream: true })).answer({
    status: 200,
    headers: { "request-id": "req_1" },
  });
  assert.deepEqual(headers, ["content-type", "text/event-stream; charset=utf-8", "x-request-id", "req_1"]);
});
