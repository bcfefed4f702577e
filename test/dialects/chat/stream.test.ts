import assert from "node:assert/strict";
import test from "node:test";
import { RelayError } from "../../../src/domain/errors.ts";
import {
  answerOf,
  blockDelta,
  blockStart,
  blockStop,
  chunk,
  convert,
  type Json,
  messageDelta,
  messageStart,
  messageStop,
  readSse,
  request,
  sse,
  streamed,
  streamTo,
} from "./support.ts";

const opening = chunk({ role: "assistant", content: "" });
const ending = [chunk({}, "stop"), "[DONE]"];
const last = [messageDelta({ stop_reason: "end_turn" }), messageStop];
const functions = [{ name: "get" }];
const tool = (input: unknown = {}) => blockStart(0, { type: "tool_use", id: "toolu_1", name: "get", input });
const toolStarted = chunk({
  tool_calls: [{ index: 0, id: "toolu_1", type: "function", function: { name: "get", arguments: "" } }],
});
const piece = (json: string) => chunk({ tool_calls: [{ index: 0, function: { arguments: json } }] });

const rows: { title: string; parameters?: Json; events: Json[]; chunks: unknown[] }[] = [
  { title: "nothing but start and end", events: [messageStart, ...last], chunks: [opening, ...ending] },
  {
    title: "pings are not passed on",
    events: [{ type: "ping" }, messageStart, { type: "ping" }, ...last],
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
      ...last,
    ],
    chunks: [opening, chunk({ content: "a" }), chunk({ content: " 😀" }), ...ending],
  },
  {
    title: "text and thinking that a block starts with",
    events: [
      messageStart,
      blockStart(0, { type: "thinking", thinking: "t" }),
      blockStart(1, { type: "text", text: "a" }),
      ...last,
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
      ...last,
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
      ...last,
    ],
    chunks: [opening, ...ending],
  },
  {
    title: "a call whose arguments come with its start",
    events: [messageStart, tool({ a: 1 }), blockStop(0), ...last],
    chunks: [opening, toolStarted, piece('{"a":1}'), ...ending],
  },
  {
    title: "a call whose only piece is empty",
    events: [
      messageStart,
      tool(),
      blockDelta(0, { type: "input_json_delta", partial_json: "" }),
      blockStop(0),
      ...last,
    ],
    chunks: [opening, toolStarted, piece("{}"), ...ending],
  },
  {
    title: "a call that nothing ended before the message did",
    events: [messageStart, tool(), ...last],
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
      ...last,
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
    events: [messageStart, ...last, blockDelta(0, { type: "text_delta", text: "x" }), messageStop],
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
  const [first, second] = streamed({}, blockDelta(0, { type: "text_delta", text: "a" }), ...last) as Json[];
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

const events = [
  { type: "ping" },
  messageStart,
  blockStart(0, { type: "thinking", thinking: "" }),
  blockDelta(0, { type: "thinking_delta", thinking: "über" }),
  blockStop(0),
  blockStart(1, { type: "text", text: "" }),
  blockDelta(1, { type: "text_delta", text: "a\n\n😀 data: [DONE]\r\n" }),
  blockStop(1),
  blockStart(2, { type: "tool_use", id: "toolu_1", name: "get", input: {} }),
  blockDelta(2, { type: "input_json_delta", partial_json: '{"a":"ü"}' }),
  blockStop(2),
  messageDelta({ stop_reason: "tool_use" }, { output_tokens: 9 }),
  messageStop,
];

const spellings: [title: string, text: string][] = [
  ["as Claude writes it", sse(...events)],
  ["with CRLF", sse(...events).replaceAll("\n", "\r\n")],
  ["with CR", sse(...events).replaceAll("\n", "\r")],
  ["with comments", `: hello\n\n${sse(...events).replaceAll("event: ", ": ping\nevent: ")}`],
  ["without event names", sse(...events).replaceAll(/event: .*\n/g, "")],
  ["without the space behind the colon", sse(...events).replaceAll(/^(event|data): /gm, "$1:")],
  ["without the blank line at its end", sse(...events).replace(/\n\n$/, "\n")],
  ["without a newline at its end", sse(...events).replace(/\n\n$/, "")],
  ["with a byte order mark", `\uFEFF${sse(...events)}`],
  ["with an event of 2 MB", sse({ type: "brand_new", data: "x".repeat(2_000_000) }, ...events)],
];

const conversion = convert(request({ stream: true }));
const expected = streamed({}, ...events);

test("the stream that is truncated below is what it should be", () => {
  assert.equal(expected.length, 7);
  assert.deepEqual(expected[2], chunk({ content: "a\n\n😀 data: [DONE]\r\n" }));
  assert.equal(expected.at(-1), "[DONE]");
});

for (const [title, text] of spellings) {
  test(`a stream ${title} is the same stream`, () => {
    const bytes = Buffer.from(text);
    assert.deepEqual(throughTransform([bytes]), expected);
    if (bytes.length > 100_000) return;
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.deepEqual(
        throughTransform([bytes.subarray(0, cut), bytes.subarray(cut)]),
        expected,
        `cut at ${cut}`,
      );
    }
    const single = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    assert.deepEqual(throughTransform(single), expected);
  });
}

test("a stream that ends anywhere before its last event is an error, and never [DONE]", () => {
  const bytes = Buffer.from(sse(...events));
  const lastEvent = bytes.indexOf("event: message_stop");
  const complete = bytes.indexOf('"message_stop"}') + '"message_stop"}'.length;
  for (let cut = 0; cut < complete; cut++) {
    const transform = streamTo();
    const before = transform.push(bytes.subarray(0, cut));
    assert.throws(
      () => transform.end(),
      (error) => error instanceof RelayError && error.code === "upstream_unreachable",
      `cut at ${cut} of ${lastEvent}`,
    );
    const error = new RelayError("upstream_unreachable", "The upstream closed the stream.");
    const chunks = readSse(Buffer.concat([before, transform.fail(error) ?? Buffer.alloc(0)]));
    assert.deepEqual(chunks.at(-1), {
      error: {
        message: "The upstream closed the stream; please retry your request.",
        type: "server_error",
        param: null,
        code: "upstream_truncated",
      },
    });
    assert.equal(chunks.includes("[DONE]"), false);
    assert.equal(transform.fail(error)?.length, 0);
  }
});

test("what was complete before the stream broke off is still delivered", () => {
  const transform = streamTo();
  // The event is whole but for its blank line.
  transform.push(Buffer.from(sse(messageStart)));
  transform.push(Buffer.from(sse(blockDelta(0, { type: "text_delta", text: "a" })).trimEnd()));
  assert.throws(() => transform.end(), RelayError);
  const chunks = readSse(transform.fail(new RelayError("upstream_timeout", "too slow")) ?? "");
  assert.deepEqual(chunks, [
    chunk({ content: "a" }),
    { error: { message: "too slow", type: "server_error", param: null, code: "upstream_timeout" } },
  ]);
});

test("after a good end nothing can break the answer any more", () => {
  const transform = streamTo();
  transform.push(Buffer.from(sse(messageStart, ...last)));
  assert.equal(transform.fail(new RelayError("upstream_unreachable", "reset"))?.length, 0);
});

const errors: [type: string | undefined, message: string, error: Json][] = [
  ["overloaded_error", "Overloaded", { type: "server_error", code: "server_is_overloaded" }],
  ["api_error", "Internal server error", { type: "server_error", code: null }],
  ["timeout_error", "Too slow", { type: "server_error", code: null }],
  ["rate_limit_error", "Too many requests", { type: "requests", code: "rate_limit_exceeded" }],
  ["rate_limit_error", "Too many output tokens", { type: "tokens", code: "rate_limit_exceeded" }],
  ["invalid_request_error", "messages: no", { type: "invalid_request_error", code: null }],
  [
    "invalid_request_error",
    "prompt is too long: 9 > 8",
    { type: "invalid_request_error", code: "context_length_exceeded" },
  ],
  ["request_too_large", "too large", { type: "invalid_request_error", code: null }],
  ["not_found_error", "model: x", { type: "invalid_request_error", code: "model_not_found", param: "model" }],
  ["brand_new_error", "what", { type: "server_error", code: null }],
];

for (const [type, message, error] of errors) {
  test(`an error event of type ${type} (${message}) ends the stream as an error`, () => {
    const chunks = streamed({}, messageStart, { type: "error", error: { type, message } }, ...last);
    assert.deepEqual(chunks, [opening, { error: { message, param: null, ...error } }]);
  });
}

test("an error event about the account's credential says nothing of it", () => {
  for (const type of ["authentication_error", "permission_error", "billing_error"]) {
    const chunks = streamed({}, messageStart, {
      type: "error",
      error: { type, message: "invalid x-api-key sk-ant-1" },
    });
    assert.deepEqual(chunks.at(-1), {
      error: {
        message:
          "No account can answer: the provider refused the credential of the last one; run `cc-relay accounts list`.",
        type: "server_error",
        param: null,
        code: "no_available_account",
      },
    });
  }
});

test("an error event without a text is an error all the same", () => {
  for (const error of [undefined, null, "x", {}]) {
    assert.deepEqual(streamed({}, { type: "error", error }), [
      {
        error: {
          message: "The provider reported an error inside the stream.",
          type: "server_error",
          param: null,
          code: null,
        },
      },
    ]);
  }
});

test("an event of the answer that cannot be read is a hole in it: an error", () => {
  for (const data of ["{", "null", "[1]", "[".repeat(300) + "]".repeat(300)]) {
    const transform = streamTo();
    const text = `${sse(messageStart)}event: content_block_delta\ndata: ${data}\n\n${sse(...last)}`;
    const chunks = readSse(Buffer.concat([transform.push(Buffer.from(text)), transform.end()]));
    assert.deepEqual(chunks, [
      opening,
      {
        error: {
          message:
            "The provider sent a content_block_delta event that cannot be read; please retry your request.",
          type: "server_error",
          param: null,
          code: "upstream_unreachable",
        },
      },
    ]);
  }
});

test("an unknown event that is no JSON survives", () => {
  const transform = streamTo();
  const text = `event: hello\ndata: world\n\ndata: [DONE]\n\n${sse(messageStart, ...last)}`;
  assert.deepEqual(readSse(transform.push(Buffer.from(text))), [opening, ...ending]);
});

test("an event without end is dropped at the bound", () => {
  const transform = streamTo();
  transform.push(Buffer.from(`${sse(messageStart)}data: `));
  const megabytes = Buffer.alloc(8 * 1024 * 1024, "x");
  let out: Buffer = Buffer.alloc(0);
  for (let sent = 0; sent <= 9 && out.length === 0; sent++) out = transform.push(megabytes);
  assert.deepEqual(readSse(out), [
    {
      error: {
        message: "The provider sent an event without end; please retry your request.",
        type: "server_error",
        param: null,
        code: "upstream_unreachable",
      },
    },
  ]);
  assert.equal(transform.push(megabytes).length, 0);
  assert.equal(transform.end().length, 0);
});

test("the headers name an event stream, and the request's id as OpenAI's SDKs read it", () => {
  const { headers } = convert(request({ stream: true })).answer({
    status: 200,
    headers: { "request-id": "req_1" },
  });
  assert.deepEqual(headers, ["content-type", "text/event-stream; charset=utf-8", "x-request-id", "req_1"]);
});

function throughTransform(chunks: readonly Buffer[]): unknown[] {
  const transform = answerOf(conversion);
  const out = chunks.map((bytes) => transform.push(bytes));
  return readSse(Buffer.concat([...out, transform.end()]));
}
