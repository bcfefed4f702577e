import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Call } from "../../src/domain/call.ts";
import { readOpenaiErrorEvent, readOpenaiFailure } from "../../src/upstreams/openai-failures.ts";
import { day, type Expected, headOf, hour, minute, now, openaiCall, second, summarize } from "./make-call.ts";

interface ErrorParts {
  message?: string;
  type?: string;
  code?: string | null;
  [more: string]: unknown;
}

function read(
  status: number,
  error: ErrorParts,
  headers: Record<string, string> = {},
  call: Call = openaiCall(),
) {
  const body = Buffer.from(
    JSON.stringify({ error: { message: "", type: null, param: null, code: null, ...error } }),
  );
  return readOpenaiFailure(headOf(status, headers), body, call, now);
}

const unixIn = (ms: number) => Math.floor((now + ms) / 1000);

describe("statuses and codes of the OpenAI API", () => {
  const rows: [number, ErrorParts, Expected][] = [
    [
      400,
      { type: "invalid_request_error", message: "Unsupported parameter" },
      { kind: "rejected", status: 400 },
    ],
    [400, { code: "previous_response_not_found" }, { kind: "rejected", status: 400 }],
    [404, { code: "previous_response_not_found" }, { kind: "rejected", status: 404 }],
    [400, { code: "invalid_encrypted_content" }, { kind: "rejected", status: 400 }],
    [400, { code: "context_length_exceeded" }, { kind: "rejected", status: 400 }],
    [400, { code: "invalid_prompt" }, { kind: "rejected", status: 400 }],
    [401, { code: "invalid_api_key", message: "Incorrect API key provided." }, { kind: "unauthorized" }],
    [401, { message: "You must be a member of an organization to use the API." }, { kind: "account-out" }],
    [
      401,
      { message: "Your request was made from an IP not authorized to use this key." },
      { kind: "account-out" },
    ],
    [401, { code: "mismatched_organization" }, { kind: "rejected", status: 401 }],
    [402, { message: "pay" }, { kind: "account-out" }],
    [403, { code: "unsupported_country_region_territory" }, { kind: "account-out" }],
    [403, { message: "Country, region, or territory not supported" }, { kind: "account-out" }],
    [403, { message: "Your organization must be verified to use the model `o3`." }, { kind: "model-denied" }],
    [
      403,
      { code: "model_not_found", message: "Project `p` does not have access to model `o3`" },
      { kind: "model-denied" },
    ],
    [
      403,
      { message: "You have insufficient permissions for this operation." },
      { kind: "unexplained-refusal", status: 403 },
    ],
    [404, { code: "model_not_found", message: "The model `x` does not exist" }, { kind: "model-missing" }],
    [
      404,
      { message: "The model `x` does not exist or you do not have access to it." },
      { kind: "model-missing" },
    ],
    [400, { code: "model_not_found" }, { kind: "model-missing" }],
    [404, { message: "Invalid URL (POST /v1/respons)" }, { kind: "rejected", status: 404 }],
    [409, {}, { kind: "rejected", status: 409 }],
    [413, {}, { kind: "rejected", status: 413 }],
    [422, {}, { kind: "rejected", status: 422 }],
    [429, { type: "insufficient_quota" }, { kind: "account-out" }],
    [429, { code: "insufficient_quota" }, { kind: "account-out" }],
    [429, { code: "credit_balance_exhausted" }, { kind: "account-out" }],
    [429, { code: "organization_spend_limit_exceeded" }, { kind: "account-out" }],
    [429, { code: "project_spend_limit_exceeded" }, { kind: "account-out" }],
    [429, { code: "organization_usage_limit_exceeded" }, { kind: "account-out" }],
    [429, { message: "You exceeded your current quota, please check your plan" }, { kind: "account-out" }],
    [429, { type: "usage_not_included" }, { kind: "account-out" }],
    [
      429,
      { type: "usage_limit_reached", plan_type: "plus", resets_at: unixIn(3 * hour) },
      { kind: "rate-limited", scope: "account", in: 3 * hour },
    ],
    [
      429,
      { type: "usage_limit_reached", resets_in_seconds: 90 },
      { kind: "rate-limited", scope: "account", in: 90 * second },
    ],
    [429, { type: "usage_limit_reached" }, { kind: "rate-limited", scope: "account", in: null }],
    [
      429,
      { type: "usage_limit_reached", resets_at: unixIn(90 * day) },
      { kind: "rate-limited", scope: "account", in: 8 * day },
    ],
    [500, { type: "server_error" }, { kind: "server-error", status: 500 }],
    [502, {}, { kind: "server-error", status: 502 }],
    [504, {}, { kind: "server-error", status: 504 }],
    [501, {}, { kind: "server-error", status: 501 }],
    [503, { code: "server_is_overloaded" }, { kind: "capacity", in: null }],
    [503, { code: "slow_down" }, { kind: "capacity", in: null }],
    [503, {}, { kind: "capacity", in: null }],
    [429, { code: "slow_down", message: "Please try again in 2s." }, { kind: "capacity", in: 2 * second }],
    [500, { code: "server_is_overloaded" }, { kind: "capacity", in: null }],
  ];
  for (const [status, error, expected] of rows) {
    it(`${status} ${error.code ?? error.type ?? ""} "${error.message ?? ""}" is ${expected.kind}`, () => {
      assert.deepEqual(summarize(read(status, error), expected), expected);
    });
  }
});

describe("the wait of a 429", () => {
  const limit = { type: "requests", code: "rate_limit_exceeded" };
  const said =
    "Rate limit reached for gpt-5 on tokens per min (TPM). Please try again in 11.054s. Visit https://x";
  const rows: [string, ErrorParts, Record<string, string>, Expected][] = [
    ["nothing known", { ...limit, message: "Slow." }, {}, { kind: "limited-unblamed" }],
    [
      "retry-after",
      limit,
      { "retry-after": "20" },
      { kind: "rate-limited", scope: "account", in: 20 * second },
    ],
    [
      "retry-after-ms first",
      limit,
      { "retry-after-ms": "800", "retry-after": "1" },
      { kind: "rate-limited", scope: "account", in: 800 },
    ],
    ["the text", { ...limit, message: said }, {}, { kind: "rate-limited", scope: "account", in: 11054 }],
    [
      "the text in words",
      { ...limit, message: "Please try again in 35 seconds" },
      {},
      { kind: "rate-limited", scope: "account", in: 35 * second },
    ],
    [
      "the text in milliseconds",
      { ...limit, message: "Please try again in 120ms." },
      {},
      { kind: "rate-limited", scope: "account", in: 120 },
    ],
    [
      "the empty bucket's reset",
      limit,
      {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "6m0s",
        "x-ratelimit-remaining-tokens": "100",
        "x-ratelimit-reset-tokens": "9h",
      },
      { kind: "rate-limited", scope: "account", in: 6 * minute },
    ],
    [
      "two empty buckets",
      limit,
      {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-remaining-project-tokens": "0",
        "x-ratelimit-reset-project-tokens": "1h2m3.5s",
      },
      { kind: "rate-limited", scope: "account", in: hour + 2 * minute + 3500 },
    ],
    [
      "no bucket empty: the one that the error names",
      { type: "tokens", code: "rate_limit_exceeded" },
      {
        "x-ratelimit-remaining-tokens": "100",
        "x-ratelimit-reset-tokens": "30s",
        "x-ratelimit-remaining-requests": "10",
        "x-ratelimit-reset-requests": "5m",
      },
      { kind: "rate-limited", scope: "account", in: 30 * second },
    ],
    [
      "a limit header without a time",
      { type: "other" },
      { "x-ratelimit-remaining-tokens": "100" },
      { kind: "rate-limited", scope: "account", in: null },
    ],
    [
      "the full window of a ChatGPT login",
      {},
      {
        "x-codex-primary-used-percent": "100",
        "x-codex-primary-window-minutes": "300",
        "x-codex-primary-reset-at": String(unixIn(hour)),
        "x-codex-secondary-used-percent": "20",
        "x-codex-secondary-reset-at": String(unixIn(day)),
      },
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [
      "the same with usage_limit_reached that names no time",
      { type: "usage_limit_reached" },
      { "x-codex-secondary-used-percent": "101.5", "x-codex-secondary-reset-after-seconds": "600" },
      { kind: "rate-limited", scope: "account", in: 600 * second },
    ],
  ];
  for (const [title, error, headers, expected] of rows) {
    it(title, () => assert.deepEqual(summarize(read(429, error, headers), expected), expected));
  }
});

it("the limit of reading what is stored, or of counting, is not the account's", () => {
  for (const operation of ["stored", "count-tokens"] as const) {
    const failure = read(429, { type: "requests" }, { "retry-after": "60" }, openaiCall({ operation }));
    assert.equal(failure.kind, "limited-unblamed");
  }
});

describe("bodies that are not the API's", () => {
  const rows: [number, string, Record<string, string>, ReturnType<typeof read>][] = [
    [
      403,
      "<html><title>Attention Required</title></html>",
      { "content-type": "text/html" },
      {
        kind: "edge-refused",
        status: 403,
        ray: undefined,
        reason: 'the provider answered with status 403 and the web page "Attention Required"',
      },
    ],
    [401, '{"detail":"Unauthorized"}', {}, { kind: "unauthorized", reason: "Unauthorized" }],
    [400, '{"error":"bad thing"}', {}, { kind: "rejected", status: 400, reason: "bad thing" }],
    [400, '{"error":{"message":"odd","code":400}}', {}, { kind: "rejected", status: 400, reason: "odd" }],
    [502, "", {}, { kind: "server-error", status: 502, reason: "the provider answered with status 502" }],
  ];
  for (const [status, body, headers, expected] of rows) {
    it(`${status} ${body.slice(0, 40)}`, () => {
      const failure = readOpenaiFailure(headOf(status, headers), Buffer.from(body), openaiCall(), now);
      assert.deepEqual(failure, expected);
    });
  }
});

describe("an error as the first event of a stream", () => {
  const failed = (error: unknown) => ({
    type: "response.failed",
    response: { id: "resp_1", status: "failed", error },
  });
  const rows: [string, unknown, Expected][] = [
    ["server_error", failed({ code: "server_error", message: "x" }), { kind: "server-error", status: 500 }],
    ["no error in it", failed(null), { kind: "server-error", status: 500 }],
    [
      "rate_limit_exceeded with its wait",
      failed({ code: "rate_limit_exceeded", message: "Please try again in 11.054s." }),
      { kind: "rate-limited", scope: "account", in: 11054 },
    ],
    [
      "rate_limit_exceeded without one",
      failed({ code: "rate_limit_exceeded", message: "Slow." }),
      { kind: "limited-unblamed" },
    ],
    ["insufficient_quota", failed({ code: "insufficient_quota", message: "x" }), { kind: "account-out" }],
    ["usage_not_included", failed({ code: "usage_not_included", message: "x" }), { kind: "account-out" }],
    [
      "usage_limit_reached",
      failed({ code: "usage_limit_reached", message: "x", resets_at: unixIn(hour) }),
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [
      "server_is_overloaded",
      failed({ code: "server_is_overloaded", message: "x" }),
      { kind: "capacity", in: null },
    ],
    ["slow_down", failed({ code: "slow_down", message: "x" }), { kind: "capacity", in: null }],
    [
      "context_length_exceeded",
      failed({ code: "context_length_exceeded", message: "x" }),
      { kind: "rejected", status: 400 },
    ],
    ["invalid_prompt", failed({ code: "invalid_prompt", message: "x" }), { kind: "rejected", status: 400 }],
    ["bio_policy", failed({ code: "bio_policy", message: "x" }), { kind: "rejected", status: 400 }],
    [
      "data_residency_mismatch",
      failed({ code: "data_residency_mismatch", message: "x" }),
      { kind: "rejected", status: 400 },
    ],
    ["vector_store_timeout", failed({ code: "vector_store_timeout" }), { kind: "rejected", status: 400 }],
    ["image_parse_error", failed({ code: "image_parse_error" }), { kind: "rejected", status: 400 }],
    ["model_not_found", failed({ code: "model_not_found" }), { kind: "model-missing" }],
    ["invalid_api_key", failed({ code: "invalid_api_key" }), { kind: "unauthorized" }],
    [
      "a flat error event",
      { type: "error", code: "server_is_overloaded", message: "x", param: null, sequence_number: 1 },
      { kind: "capacity", in: null },
    ],
    [
      "a flat error event without a code",
      { type: "error", code: null, message: "x" },
      { kind: "server-error", status: 500 },
    ],
    [
      "a nested error event",
      { type: "error", error: { type: "invalid_request_error", message: "x" } },
      { kind: "rejected", status: 400 },
    ],
    [
      "an error event with a status of its own",
      { type: "error", status: 429, error: { code: "x", message: "Please try again in 3s" } },
      { kind: "rate-limited", scope: "account", in: 3 * second },
    ],
    ["nothing readable", undefined, { kind: "server-error", status: 500 }],
  ];
  for (const [title, event, expected] of rows) {
    it(title, () => {
      const failure = readOpenaiErrorEvent(event, openaiCall({ stream: true }), now);
      assert.deepEqual(summarize(failure, expected), expected);
    });
  }
});
