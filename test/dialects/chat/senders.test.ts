// What programs send that is not in OpenAI's documentation, taken as its senders mean it.

import assert from "node:assert/strict";
import test from "node:test";
import {
  answerOf,
  answerTo,
  blockDelta,
  blockStart,
  blockStop,
  chunk,
  claudeMessage,
  convert,
  type Json,
  messageDelta,
  messageStart,
  messageStop,
  messagesOf,
  readSse,
  request,
  sse,
  streamed,
  toClaude,
} from "./support.ts";

const text = (value: string) => ({ type: "text", text: value });
const mark = { cache_control: { type: "ephemeral" } };
const dataUrl = (type: string, bytes: string | Buffer) =>
  `data:${type};base64,${Buffer.from(bytes).toString("base64")}`;

test("Claude's own blocks and tools inside of a chat request (Cursor) go on as they are", () => {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } };
  const thinking = { type: "thinking", thinking: "t", signature: "s" };
  const { body, warnings } = toClaude(
    request({
      messages: [
        { role: "user", content: [text("q"), image] },
        {
          role: "assistant",
          content: [thinking, text("a"), { type: "tool_use", id: "toolu_1", name: "get", input: { a: 1 } }],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "toolu_1", content: [text("1"), image], is_error: true },
            text("go on"),
          ],
        },
      ],
      tools: [{ name: "get", description: "d", input_schema: { type: "object", properties: {} }, ...mark }],
      tool_choice: { type: "tool", name: "get" },
    }),
  );
  assert.deepEqual(body.messages, [
    { role: "user", content: [text("q"), image] },
    {
      role: "assistant",
      content: [thinking, text("a"), { type: "tool_use", id: "toolu_1", name: "get", input: { a: 1 } }],
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "toolu_1", content: [text("1"), image], is_error: true },
        text("go on"),
      ],
    },
  ]);
  assert.deepEqual(body.tools, [
    { name: "get", description: "d", input_schema: { type: "object", properties: {} }, ...mark },
  ]);
  assert.deepEqual(body.tool_choice, { type: "tool", name: "get" });
  assert.deepEqual(warnings, []);
});

test("a schema beside json_object (instructor) is held to like any other", () => {
  const schema = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
  const { body, warnings } = toClaude(request({ response_format: { type: "json_object", schema } }));
  assert.deepEqual(body.output_config, {
    format: { type: "json_schema", schema: { ...schema, additionalProperties: false } },
  });
  assert.deepEqual(warnings, []);
});

const files: { title: string; file: Json; type: string }[] = [
  {
    title: "a program, by its extension",
    file: { file_data: dataUrl("application/octet-stream", "x = 1"), filename: "a.py" },
    type: "text",
  },
  {
    title: "a program without a type at all",
    file: { file_data: Buffer.from("x = 1").toString("base64"), filename: "Makefile" },
    type: "text",
  },
  {
    title: "a script that is taken for a film",
    file: { file_data: dataUrl("video/mp2t", "let x"), filename: "a.ts" },
    type: "text",
  },
  { title: "JSON", file: { file_data: dataUrl("application/json", "{}") }, type: "text" },
  {
    title: "bytes that are a PDF",
    file: { file_data: dataUrl("application/octet-stream", "%PDF-1.7\n") },
    type: "base64",
  },
];
for (const { title, file, type } of files) {
  test(`${title} is a document`, () => {
    const messages = [{ role: "user", content: [{ type: "file", file }] }];
    const [message] = messagesOf(messages) as { content: { type: string; source: Json }[] }[];
    assert.deepEqual([message?.content[0]?.type, message?.content[0]?.source.type], ["document", type]);
  });
}

const riff = Buffer.from("RIFF\x24\x01\x00\x00WEBPVP8 ", "latin1");
const images: [stated: string, bytes: Buffer, sent: string][] = [
  ["image/png", Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16]), "image/jpeg"],
  ["image/jpeg", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), "image/png"],
  ["image/jpg", Buffer.from("GIF89a.."), "image/gif"],
  ["image/png", riff, "image/webp"],
  ["application/octet-stream", riff, "image/webp"],
  ["image/png", Buffer.from("whatever"), "image/png"],
];
for (const [stated, bytes, sent] of images) {
  test(`an image called ${stated} that begins with ${bytes.toString("hex", 0, 4)} is sent as ${sent}`, () => {
    const part = { type: "image_url", image_url: { url: dataUrl(stated, bytes) } };
    const [message] = messagesOf([{ role: "user", content: [part] }]) as { content: { source: Json }[] }[];
    assert.equal(message?.content[0]?.source.media_type, sent);
  });
}

test("a cache mark is kept wherever it is: on messages, tools, calls and results, the last four of them", () => {
  const tools = [{ type: "function", function: { name: "get" }, ...mark }];
  const { body, warnings } = toClaude(
    request({
      tools,
      messages: [
        { role: "system", content: "s", ...mark },
        { role: "user", content: "q" },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "c1", type: "function", function: { name: "get", arguments: "{}" }, ...mark }],
        },
        { role: "tool", tool_call_id: "c1", content: "1", ...mark },
        { role: "user", content: "go", ...mark },
      ],
    }),
  );
  const schema = { type: "object", properties: {} };
  assert.deepEqual(body.tools, [{ name: "get", input_schema: schema }]);
  assert.deepEqual(body.system, [{ ...text("s"), ...mark }]);
  assert.deepEqual(body.messages, [
    { role: "user", content: [text("q")] },
    { role: "assistant", content: [{ type: "tool_use", id: "c1", name: "get", input: {}, ...mark }] },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "c1", content: "1", ...mark },
        { ...text("go"), ...mark },
      ],
    },
  ]);
  assert.deepEqual(warnings, ["prompt_cache_breakpoint dropped"]);
});

test("half a surrogate pair goes up as U+FFFD, and whole ones and texts that look like escapes stay", () => {
  const body = `{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"a\\ud83d b\\ude00 \\ud83d\\ude00 \\\\ud83d \\\\\\\\ud83d"}]}`;
  const sent = String(convert(body).call.body);
  assert.ok(sent.includes("a\ufffd b\ufffd 😀 \\\\ud83d \\\\\\\\ud83d"), sent);
  assert.doesNotMatch(sent, /(?<!\\)\\ud/);
});

test("a pair that is split over two deltas comes down whole, and a half without its other as U+FFFD", () => {
  const [high, low] = ["\ud83d", "\ude00"];
  const delta = (type: string, field: string, value: string) => blockDelta(0, { type, [field]: value });
  const chunks = streamed(
    {},
    messageStart,
    blockStart(0, { type: "text", text: "" }),
    delta("text_delta", "text", `a${high}`),
    delta("text_delta", "text", `${low}b`),
    delta("text_delta", "text", high),
    delta("text_delta", "text", low),
    delta("text_delta", "text", high),
    blockStop(0),
    messageDelta({ stop_reason: "end_turn" }),
    messageStop,
  );
  const texts = (chunks as { choices?: { delta: { content?: string } }[] }[]).flatMap(
    (each) => each.choices?.[0]?.delta.content || [],
  );
  assert.deepEqual(texts, ["a", "😀b", "😀", "\ufffd"]);
});

test("half a pair in an unstreamed answer comes down as U+FFFD", () => {
  const answer = answerTo({}, claudeMessage({ content: [text("a\ud83d")] }));
  const [choice] = answer.choices as { message: Json }[];
  assert.equal(choice?.message.content, "a\ufffd");
});

const events = [
  messageStart,
  blockStart(0, { type: "thinking", thinking: "" }),
  blockDelta(0, { type: "thinking_delta", thinking: "hm" }),
  blockDelta(0, { type: "signature_delta", signature: "s" }),
  blockStop(0),
  blockStart(1, text("")),
  blockDelta(1, { type: "text_delta", text: "He" }),
  blockDelta(1, { type: "text_delta", text: "llo" }),
  blockStop(1),
  blockStart(2, { type: "tool_use", id: "toolu_1", name: "get", input: {} }),
  blockDelta(2, { type: "input_json_delta", partial_json: '{"id":12345678901234567' }),
  blockDelta(2, { type: "input_json_delta", partial_json: "890}" }),
  blockStop(2),
  messageDelta({ stop_reason: "tool_use" }),
  messageStop,
];

test("a stream that the provider was asked for comes down as one document, at every cut", () => {
  const bytes = Buffer.from(sse(...events));
  const conversion = convert(request({ max_tokens: 60_000 }));
  assert.deepEqual([conversion.call.stream, JSON.parse(String(conversion.call.body)).stream], [true, true]);
  for (let cut = 0; cut <= bytes.length; cut += 7) {
    const transform = answerOf(conversion);
    assert.equal(transform.headers[1], "application/json");
    const pieces = [
      transform.push(bytes.subarray(0, cut)),
      transform.push(bytes.subarray(cut)),
      transform.end(),
    ];
    const answer = JSON.parse(String(Buffer.concat(pieces)));
    assert.deepEqual(answer.choices, [
      {
        index: 0,
        message: {
          role: "assistant",
          content: "Hello",
          refusal: null,
          tool_calls: [
            {
              id: "toolu_1",
              type: "function",
              function: { name: "get", arguments: '{"id":12345678901234567890}' },
            },
          ],
          reasoning_content: "hm",
        },
        logprobs: null,
        finish_reason: "tool_calls",
      },
    ]);
    assert.deepEqual(
      [answer.object, answer.usage.prompt_tokens, answer.usage.completion_tokens],
      ["chat.completion", 10, 5],
    );
  }
});

test("a stream for a document that ends early or with an error is no answer", () => {
  const bytes = Buffer.from(sse(...events));
  for (let cut = 0; cut < bytes.length - 30; cut += 11) {
    const transform = answerOf(convert(request({ max_tokens: 60_000 })));
    assert.equal(transform.push(bytes.subarray(0, cut)).length, 0);
    assert.throws(() => transform.end(), /please retry your request/);
    assert.equal(transform.fail(new Error() as never), undefined);
  }
  const transform = answerOf(convert(request()));
  const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
  assert.throws(() => transform.push(Buffer.from(sse(messageStart, error))), /Overloaded/);
});

test("a document for a streamed request comes down as a stream", () => {
  const transform = answerOf(convert(request({ stream: true })));
  const first = transform.push(Buffer.from(` \n${JSON.stringify(claudeMessage())}`));
  assert.deepEqual(readSse(Buffer.concat([first, transform.end()])), [
    chunk({ role: "assistant", content: "" }),
    chunk({ content: "Hello" }),
    chunk({}, "stop"),
    "[DONE]",
  ]);
});

test("where the model's own maximum leaves the prompt no room, the request is repeated with what is left", () => {
  const refusal = (message: string) =>
    Buffer.from(JSON.stringify({ type: "error", error: { type: "invalid_request_error", message } }));
  const tooMuch = refusal(
    "input length and `max_tokens` exceed context limit: 188240 + 64000 > 200000, decrease",
  );
  const { max_tokens: _, ...unlimited } = request();
  const ours = convert(unlimited);
  const again = ours.again!({ status: 400, headers: {} }, tooMuch);
  assert.equal(JSON.parse(String(again?.body)).max_tokens, 11_760);
  assert.deepEqual(ours.warnings, ["max_tokens set to 11760"]);
  assert.equal(convert(request()).again!({ status: 400, headers: {} }, tooMuch), undefined);
  assert.equal(ours.again!({ status: 400, headers: {} }, refusal("max_tokens: no")), undefined);
});
