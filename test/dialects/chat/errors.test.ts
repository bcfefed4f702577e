import assert from "node:assert/strict";
import test from "node:test";
import { InvalidChatRequest } from "../../../src/dialects/chat/invalid.ts";
import type { HeaderMap } from "../../../src/domain/call.ts";
import {
  RelayError,
  type RelayErrorCode,
  type RelayErrorDetails,
  relayErrors,
} from "../../../src/domain/errors.ts";
import { chat, convert, type Json, request } from "./support.ts";

const json = ["content-type", "application/json"];
const noAccount =
  "No account can answer: the provider refused the credential of the last one; run `cc-relay accounts list`.";
const invalid = "invalid_request_error";

interface ProviderRow {
  from: [status: number, type: string, message: string];
  status: number;
  error: Json;
  headers?: string[];
}

const provider: ProviderRow[] = [
  { from: [400, invalid, "messages: no"], status: 400, error: { type: invalid, code: null } },
  {
    from: [400, invalid, "prompt is too long: 9 tokens > 8 maximum"],
    status: 400,
    error: { type: invalid, code: "context_length_exceeded" },
  },
  {
    from: [400, invalid, "input length and `max_tokens` exceed context limit: 9 + 9 > 8"],
    status: 400,
    error: { type: invalid, code: "context_length_exceeded" },
  },
  {
    from: [401, "authentication_error", "invalid x-api-key"],
    status: 503,
    error: { type: "server_error", code: "no_available_account", message: noAccount },
    headers: ["x-should-retry", "false"],
  },
  {
    from: [402, "billing_error", "pay"],
    status: 503,
    error: { type: "server_error", code: "no_available_account", message: noAccount },
    headers: ["x-should-retry", "false"],
  },
  {
    from: [403, "permission_error", "no"],
    status: 503,
    error: { type: "server_error", code: "no_available_account", message: noAccount },
    headers: ["x-should-retry", "false"],
  },
  {
    from: [404, "not_found_error", "model: claude-x"],
    status: 404,
    error: { type: invalid, code: "model_not_found", param: "model" },
  },
  { from: [409, "conflict_error", "twice"], status: 409, error: { type: invalid, code: null } },
  { from: [413, "request_too_large", "too large"], status: 413, error: { type: invalid, code: null } },
  { from: [422, "unprocessable", "hm"], status: 422, error: { type: invalid, code: null } },
  {
    from: [429, "rate_limit_error", "Number of requests has exceeded"],
    status: 429,
    error: { type: "requests", code: "rate_limit_exceeded" },
  },
  {
    from: [429, "rate_limit_error", "80,000 input tokens per minute"],
    status: 429,
    error: { type: "tokens", code: "rate_limit_exceeded" },
  },
  {
    from: [500, "api_error", "Internal server error"],
    status: 500,
    error: { type: "server_error", code: null },
  },
  { from: [502, "api_error", "bad gateway"], status: 502, error: { type: "server_error", code: null } },
  { from: [503, "api_error", "unavailable"], status: 503, error: { type: "server_error", code: null } },
  { from: [504, "timeout_error", "slow"], status: 504, error: { type: "server_error", code: null } },
  {
    from: [529, "overloaded_error", "Overloaded"],
    status: 503,
    error: { type: "server_error", code: "server_is_overloaded" },
  },
  {
    from: [529, "brand_new_error", "full"],
    status: 503,
    error: { type: "server_error", code: "server_is_overloaded" },
  },
  {
    from: [503, "overloaded_error", "Overloaded"],
    status: 503,
    error: { type: "server_error", code: "server_is_overloaded" },
  },
  { from: [302, "redirect", "elsewhere"], status: 502, error: { type: "server_error", code: null } },
];

for (const { from, status, error, headers = [] } of provider) {
  const [fromStatus, type, message] = from;
  test(`the provider's ${fromStatus} ${type} (${message}) is ${status} ${error.code ?? error.type}`, () => {
    const body = Buffer.from(
      JSON.stringify({ type: "error", error: { type, message }, request_id: "req_1" }),
    );
    const rendered = convert(request()).error({ status: fromStatus, headers: {} }, body);
    assert.equal(rendered.status, status);
    assert.deepEqual(JSON.parse(rendered.body), { error: { message, param: null, ...error } });
    assert.deepEqual(rendered.headers, [...json, ...headers]);
  });
}

test("the provider's hints for a retry and its ids are kept, its other headers are not", () => {
  const head = {
    status: 429,
    headers: {
      "retry-after": "7",
      "retry-after-ms": "7000",
      "x-should-retry": "true",
      "request-id": "req_1",
      "anthropic-ratelimit-requests-remaining": "0",
      "set-cookie": ["a=b"],
    },
  };
  assert.deepEqual(convert(request()).error(head, Buffer.from("{}")).headers, [
    ...json,
    "retry-after",
    "7",
    "retry-after-ms",
    "7000",
    "x-should-retry",
    "true",
    "request-id",
    "req_1",
    "x-request-id",
    "req_1",
  ]);
});

test("an error that is no JSON, or none of Claude's, says its status", () => {
  for (const body of [
    "",
    "<html>Request Entity Too Large</html>",
    "[]",
    '{"error":"x"}',
    '{"error":{"message":5}}',
  ]) {
    const rendered = convert(request()).error({ status: 413, headers: {} }, Buffer.from(body));
    assert.equal(rendered.status, 413);
    assert.deepEqual(JSON.parse(rendered.body), {
      error: { message: "The provider answered 413.", type: invalid, param: null, code: null },
    });
  }
});

const relay: Record<
  RelayErrorCode,
  { type: string; code: string | null; param?: string; headers?: string[] }
> = {
  invalid_key: { type: invalid, code: "invalid_api_key", headers: ["x-should-retry", "false"] },
  forbidden_origin: { type: invalid, code: "forbidden_origin" },
  forbidden_host: { type: invalid, code: "forbidden_host" },
  not_found: { type: invalid, code: "unknown_url" },
  unknown_account: { type: invalid, code: "unknown_account" },
  unknown_model: { type: invalid, code: "model_not_found", param: "model" },
  binding_gone: { type: invalid, code: "binding_gone" },
  method_not_allowed: { type: invalid, code: "method_not_allowed" },
  body_timeout: { type: invalid, code: "body_timeout" },
  body_too_large: { type: invalid, code: "body_too_large" },
  invalid_request: { type: invalid, code: null },
  unsupported_encoding: { type: invalid, code: "unsupported_encoding" },
  upgrade_required: { type: invalid, code: "upgrade_required" },
  all_limited: { type: "requests", code: "rate_limit_exceeded" },
  account_in_cooldown: { type: "requests", code: "rate_limit_exceeded" },
  not_supported: { type: invalid, code: "not_supported", headers: ["x-should-retry", "false"] },
  upstream_unreachable: { type: "server_error", code: "upstream_unreachable" },
  upstream_truncated: { type: "server_error", code: "upstream_truncated" },
  upstream_invalid: { type: "server_error", code: "upstream_invalid" },
  edge_refused: { type: "server_error", code: "edge_refused" },
  out_of_resources: { type: "server_error", code: "out_of_resources" },
  no_account: { type: "server_error", code: "no_available_account", headers: ["x-should-retry", "false"] },
  needs_login: { type: "server_error", code: "no_available_account", headers: ["x-should-retry", "false"] },
  over_capacity: { type: "server_error", code: "server_is_overloaded" },
  memory_exhausted: { type: "server_error", code: "memory_exhausted" },
  draining: { type: "server_error", code: "draining" },
  upstream_timeout: { type: "server_error", code: "upstream_timeout" },
  internal: { type: "server_error", code: "internal" },
};

for (const code of Object.keys(relay) as RelayErrorCode[]) {
  test(`the relay's ${code} in OpenAI's form`, () => {
    const { headers = [], ...error } = relay[code];
    assert.deepEqual(render(code), {
      status: relayErrors[code].status,
      headers: [...json, "x-cc-relay-error", code, ...headers],
      body: { error: { message: "What happened.", param: null, ...error } },
    });
  });
}

test("an error says when to come back, and above a minute that a program should not", () => {
  const headersFor = (details: RelayErrorDetails) => render("all_limited", details).headers.slice(4);
  assert.deepEqual(headersFor({ retryAfterSeconds: 60 }), ["retry-after", "60"]);
  assert.deepEqual(headersFor({ retryAfterSeconds: 61 }), ["retry-after", "61", "x-should-retry", "false"]);
  assert.deepEqual(headersFor({ retryAfterSeconds: 61, shouldRetry: true }), [
    "retry-after",
    "61",
    "x-should-retry",
    "true",
  ]);
});

test("a refused parameter is named under param, with the API's own code where it has one", () => {
  const error = new InvalidChatRequest("messages[0].content[1]", "no audio.", "unsupported_content");
  const rendered = chat.renderError(error, { now: 0 });
  assert.equal(rendered.status, 400);
  assert.deepEqual(rendered.headers, [...json, "x-cc-relay-error", "invalid_request"]);
  assert.deepEqual(JSON.parse(rendered.body), {
    error: {
      message: "messages[0].content[1]: no audio.",
      type: invalid,
      param: "messages[0].content[1]",
      code: "unsupported_content",
    },
  });
});

function render(code: RelayErrorCode, details?: RelayErrorDetails) {
  const rendered = chat.renderError(new RelayError(code, "What happened.", details), { now: 0 });
  return { ...rendered, body: JSON.parse(rendered.body) };
}

test("a wait of more than a minute is insufficient_quota: some clients sleep through any retry-after", () => {
  const long = ["insufficient_quota", "insufficient_quota"] as const;
  const limit = ["requests", "rate_limit_exceeded"] as const;
  const overload = ["server_error", "server_is_overloaded"] as const;
  for (const [relayCode, seconds, status, form] of [
    ["all_limited", 60, 429, limit],
    ["all_limited", 61, 429, long],
    ["account_in_cooldown", 61, 429, long],
    ["over_capacity", 60, 503, overload],
    ["over_capacity", 61, 503, long],
  ] as const) {
    const error = new RelayError(relayCode, "All are out.", { retryAfterSeconds: seconds });
    const { body, ...rendered } = chat.renderError(error, { now: 0 });
    const [type, code] = form;
    assert.deepEqual(
      [rendered.status, JSON.parse(body)],
      [status, { error: { message: "All are out.", type, param: null, code } }],
    );
  }
  const after = (wait: string) => ({ "retry-after": wait });
  const afterMs = (wait: string) => ({ "retry-after-ms": wait });
  const cases: [number, string, HeaderMap, readonly [string, string | null]][] = [
    [429, "rate_limit_error", after("60"), limit],
    [429, "rate_limit_error", after("61"), long],
    [429, "rate_limit_error", after("Thu, 01 Jan 2099 00:00:00 GMT"), long],
    [429, "rate_limit_error", after("Thu, 01 Jan 1970 00:00:00 GMT"), limit],
    [429, "rate_limit_error", after("soon"), limit],
    [429, "rate_limit_error", afterMs("60000"), limit],
    [429, "rate_limit_error", afterMs("60001"), long],
    [429, "rate_limit_error", { ...after("61"), ...afterMs("500") }, limit],
    [503, "api_error", after("61"), long],
    [529, "overloaded_error", after("60"), overload],
    [529, "overloaded_error", after("61"), long],
    [500, "api_error", after("61"), ["server_error", null]],
  ];
  for (const [status, type, headers, form] of cases) {
    const told = Buffer.from(JSON.stringify({ type: "error", error: { type, message: "Slow down" } }));
    const { error } = JSON.parse(convert(request()).error({ status, headers }, told).body);
    assert.deepEqual([error.type, error.code], form, `${status} ${JSON.stringify(headers)}`);
  }
});
