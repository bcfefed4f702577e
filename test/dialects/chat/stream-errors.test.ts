import assert from "node:assert/strict";
import test from "node:test";
import {
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
