import assert from "node:assert/strict";
import test from "node:test";
import { RelayError } from "../../../src/domain/errors.ts";
import { cutStep } from "../../support/draws.ts";
import {
  answerOf,
  blockDelta,
  blockStart,
  blockStop,
  chunk,
  convert,
  lastEvents,
  messageDelta,
  messageStart,
  messageStop,
  readSse,
  request,
  sse,
  streamed,
  streamTo,
} from "./support.ts";

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
    for (let cut = 0; cut <= bytes.length; cut += cutStep) {
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
  for (let cut = 0; cut < complete; cut += cutStep) {
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
  transform.push(Buffer.from(sse(messageStart, ...lastEvents)));
  assert.equal(transform.fail(new RelayError("upstream_unreachable", "reset"))?.length, 0);
});

function throughTransform(chunks: readonly Buffer[]): unknown[] {
  const transform = answerOf(conversion);
  const out = chunks.map((bytes) => transform.push(bytes));
  return readSse(Buffer.concat([...out, transform.end()]));
}
