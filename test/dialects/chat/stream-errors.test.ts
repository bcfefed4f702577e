import assert from "node:assert/strict";
import test from "node:test";
import {
  blockDelta,
  blockStart,
  ending,
  type Json,
  lastEvents,
  messageStart,
  opening,
  readSse,
  sse,
  streamed,
  streamTo,
} from "./support.ts";

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
    const chunks = streamed({}, messageStart, { type: "error", error: { type, message } }, ...lastEvents);
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
    const text = `${sse(messageStart)}event: content_block_delta\ndata: ${data}\n\n${sse(...lastEvents)}`;
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
  const text = `event: hello\ndata: world\n\ndata: [DONE]\n\n${sse(messageStart, ...lastEvents)}`;
  assert.deepEqual(readSse(transform.push(Buffer.from(text))), [opening, ...ending]);
});

test("an event without end is an error as soon as it is larger than any real one", () => {
  const transform = streamTo();
  transform.push(Buffer.from(`${sse(messageStart)}data: `));
  const half = Buffer.alloc(500_000, "x");
  assert.equal(transform.push(half).length, 0);
  assert.equal(transform.push(half).length, 0);
  assert.deepEqual(readSse(transform.push(half)), [unreadable("nameless event of more than 1 MB")]);
  assert.equal(transform.push(half).length, 0);
  assert.equal(transform.end().length, 0);
});

const unreadable = (what: string) => ({
  error: {
    message: `The provider sent a ${what}; please retry your request.`,
    type: "server_error",
    param: null,
    code: "upstream_unreachable",
  },
});

const large = "x".repeat(2_200_000);
const many = Array.from({ length: 17_000 }, () => 1);

for (const [what, event, said] of [
  [
    "is too large",
    blockDelta(0, { type: "text_delta", text: large }),
    "content_block_delta event of more than 1 MB",
  ],
  [
    "begins a text and is too large",
    blockStart(0, { type: "text", text: large }),
    "content_block_start event of more than 1 MB",
  ],
  [
    "has too many values",
    blockDelta(0, { type: "text_delta", many }),
    "content_block_delta event that cannot be read",
  ],
] as const) {
  test(`an event that ${what} is a hole in the answer`, () => {
    const transform = streamTo();
    const chunks = readSse(transform.push(Buffer.from(sse(messageStart, event, ...lastEvents))));
    assert.deepEqual(chunks.at(-1), unreadable(said));
  });
}

test("an event without a name that cannot be read is a hole in the answer, too", () => {
  const transform = streamTo();
  const text = `${sse(messageStart)}data: {"type":"content_block_delta",\n\n${sse(...lastEvents)}`;
  assert.deepEqual(
    readSse(transform.push(Buffer.from(text))).at(-1),
    unreadable("nameless event that cannot be read"),
  );
});

for (const name of ["event: content_block_start\n", ""]) {
  test(`what a server's tool has read is passed over, however large it is ${name === "" ? "and without a name" : ""}`, () => {
    const transform = streamTo();
    const result = {
      type: "web_fetch_tool_result",
      tool_use_id: "t",
      content: { type: "document", data: large },
    };
    const read = `${name}data: ${JSON.stringify({ type: "content_block_start", index: 0, content_block: result })}\n\n`;
    const text =
      sse(messageStart) + read + sse(blockDelta(1, { type: "text_delta", text: "a" }), ...lastEvents);
    const bytes = Buffer.from(text);
    const parts = [0, 700_000].map((at) =>
      transform.push(bytes.subarray(at, at === 0 ? 700_000 : undefined)),
    );
    assert.equal(readSse(Buffer.concat([...parts, transform.end()])).at(-1), "[DONE]");
  });
}
