import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readClaudeErrorEvent, readClaudeFailure } from "../../src/upstreams/claude-failures.ts";
import {
  type ErrorParts,
  errorBody,
  limitType,
  ordinary429,
  read,
  seconds,
  unified,
} from "./claude-errors.ts";
import { day, type Expected, headOf, hour, makeCall, now, second, summarize } from "./make-call.ts";

describe("statuses and types of the Claude API", () => {
  const rows: [number, ErrorParts, Expected][] = [
    [
      400,
      { type: "invalid_request_error", message: "max_tokens: field required" },
      { kind: "rejected", status: 400 },
    ],
    [
      400,
      {
        type: "invalid_request_error",
        message: "messages.1.content.0: Invalid `signature` in `thinking` block",
      },
      { kind: "rejected", status: 400 },
    ],
    [401, { type: "authentication_error", message: "invalid x-api-key" }, { kind: "unauthorized" }],
    [401, { type: "authentication_error", message: "Invalid bearer token" }, { kind: "unauthorized" }],
    [
      401,
      {
        type: "authentication_error",
        message: "OAuth token has expired. Please obtain a new token or refresh your existing token.",
      },
      { kind: "unauthorized" },
    ],
    [
      401,
      { type: "authentication_error", message: "OAuth authentication is currently not supported." },
      { kind: "unexplained-refusal", status: 401 },
    ],
    [402, { type: "billing_error", message: "payment required" }, { kind: "account-out" }],
    [
      403,
      {
        type: "permission_error",
        message: "Your account does not have permission to use the specified resource.",
      },
      { kind: "model-denied" },
    ],
    [
      403,
      { type: "permission_error", message: "You have no access to the model claude-mythos-5-2." },
      { kind: "model-denied" },
    ],
    [
      403,
      { type: "permission_error", message: "OAuth token has been revoked. Please obtain a new token." },
      { kind: "unauthorized" },
    ],
    [
      403,
      { type: "permission_error", message: "OAuth token does not meet scope requirement user:inference" },
      { kind: "unauthorized" },
    ],
    [
      403,
      { type: "forbidden", message: "Request not allowed" },
      { kind: "unexplained-refusal", status: 403 },
    ],
    [404, { type: "not_found_error", message: "model: claude-opus-9" }, { kind: "model-missing" }],
    [
      404,
      { type: "not_found_error", message: "The requested resource could not be found." },
      { kind: "rejected", status: 404 },
    ],
    [404, { type: "not_found_error", message: "File not found: file_1" }, { kind: "rejected", status: 404 }],
    [404, { type: "other", message: "no such model route" }, { kind: "rejected", status: 404 }],
    [409, { type: "conflict_error", message: "x" }, { kind: "rejected", status: 409 }],
    [413, { type: "request_too_large", message: "x" }, { kind: "rejected", status: 413 }],
    [408, { type: "timeout_error" }, { kind: "rejected", status: 408 }],
    [412, {}, { kind: "rejected", status: 412 }],
    [422, {}, { kind: "rejected", status: 422 }],
    [431, {}, { kind: "rejected", status: 431 }],
    [499, {}, { kind: "rejected", status: 499 }],
    [501, {}, { kind: "server-error", status: 501 }],
    [500, { type: "api_error", message: "Internal server error" }, { kind: "server-error", status: 500 }],
    [502, { type: "api_error" }, { kind: "server-error", status: 502 }],
    [504, { type: "timeout_error" }, { kind: "server-error", status: 504 }],
    [520, {}, { kind: "server-error", status: 520 }],
    [503, { type: "api_error" }, { kind: "capacity", in: null }],
    [529, { type: "overloaded_error", message: "Overloaded" }, { kind: "capacity", in: null }],
    [500, { type: "overloaded_error", message: "Overloaded" }, { kind: "capacity", in: null }],
  ];
  for (const [status, error, expected] of rows) {
    it(`${status} ${error.type ?? ""} "${error.message ?? ""}" is ${expected.kind}`, () => {
      assert.deepEqual(summarize(read(status, error), expected), expected);
    });
  }

  it("a wait that comes with an overload is kept", () => {
    const failure = read(529, { type: "overloaded_error" }, { "retry-after": "12" });
    assert.deepEqual(summarize(failure, { kind: "capacity", in: 0 }), { kind: "capacity", in: 12 * second });
  });
});

describe("error codes of the Claude API", () => {
  const rows: [number, string, Record<string, string>, Expected][] = [
    [400, "organization_on_hold", {}, { kind: "account-out" }],
    [429, "contract_spend_limit_reached", {}, { kind: "account-out" }],
    [429, "enforced_spend_limit_reached", {}, { kind: "account-out" }],
    [
      429,
      "ramp_limit_exceeded",
      { "retry-after": "20" },
      { kind: "rate-limited", scope: "account", in: 20 * second },
    ],
    [429, "ramp_limit_exceeded", {}, { kind: "rate-limited", scope: "account", in: null }],
    [402, "linked_organization_billing_unavailable", {}, { kind: "account-out" }],
    [402, "linked_organization_spend_limit_reached", {}, { kind: "account-out" }],
    [401, "claude_code_key_creator_not_member", {}, { kind: "unauthorized" }],
    [403, "claude_code_key_creator_not_member", {}, { kind: "unauthorized" }],
    [400, "claude_code_version_too_old", {}, { kind: "rejected", status: 400 }],
    [403, "organization_type_not_supported", {}, { kind: "model-missing" }],
    [400, "parent_organization_required", {}, { kind: "model-missing" }],
    [400, "cmek_key_unavailable", {}, { kind: "account-out" }],
    [404, "thread_not_found", {}, { kind: "rejected", status: 404 }],
    [400, "compaction_failed", {}, { kind: "rejected", status: 400 }],
    [400, "tool_not_supported", {}, { kind: "rejected", status: 400 }],
    [400, "image_dimensions_too_large", {}, { kind: "rejected", status: 400 }],
    [413, "request_body_too_large", {}, { kind: "rejected", status: 413 }],
  ];
  for (const [status, code, headers, expected] of rows) {
    it(`${status} ${code} is ${expected.kind}`, () => {
      assert.deepEqual(summarize(read(status, { code, message: "x" }, headers), expected), expected);
    });
  }
});

describe("texts that mean that the account is out", () => {
  const until = (text: string) => Date.parse(text) - now;
  const rows: [number, string, Expected][] = [
    [
      400,
      "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
      { kind: "account-out" },
    ],
    [400, "This organization has been disabled.", { kind: "account-out" }],
    // Whatever a gateway writes into its own fault, the account is not to blame for it.
    [500, "Your credit balance is too low", { kind: "server-error", status: 500 }],
    [403, "Your organization has been disabled for a reason.", { kind: "account-out" }],
    [400, "You have reached your specified API usage limits.", { kind: "account-out" }],
    [
      400,
      "You have reached your specified API usage limits. You will regain access on 2026-11-25 at 00:00 UTC.",
      { kind: "rate-limited", scope: "account", in: until("2026-11-25T00:00:00Z") },
    ],
    [
      429,
      "You have reached your API usage limits. You will regain access on 2026-11-24 at 06:30 UTC.",
      { kind: "rate-limited", scope: "account", in: until("2026-11-24T06:30:00Z") },
    ],
    [
      429,
      "You have reached your API usage limits. You will regain access on November 24, 2026 at 00:00 UTC.",
      { kind: "rate-limited", scope: "account", in: until("2026-11-24T00:00:00Z") },
    ],
    [
      429,
      "You have reached your API usage limits. You will regain access on 2027-01-01 at 00:00 UTC.",
      { kind: "rate-limited", scope: "account", in: 8 * day },
    ],
    [
      429,
      "You have reached your API usage limits. You will regain access on 2026-01-01 at 00:00 UTC.",
      { kind: "account-out" },
    ],
    [
      429,
      `Claude AI usage limit reached|${seconds(hour)}`,
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [401, "OAuth authentication is currently not allowed for this organization.", { kind: "account-out" }],
    [403, "OAuth authentication is currently not allowed for this organization.", { kind: "account-out" }],
  ];
  for (const [status, message, expected] of rows) {
    it(`${status} "${message}"`, () => {
      const failure = read(status, { type: "invalid_request_error", message });
      assert.deepEqual(summarize(failure, expected), expected);
    });
  }

  it("does not believe a text that only quotes the request", () => {
    const message =
      'messages.0.content: unknown block "Your credit balance is too low", "usage limit reached|1795435200"';
    assert.equal(read(400, { type: "invalid_request_error", message }).kind, "rejected");
  });

  it("reads the time out of an old relay's plain text", () => {
    const body = Buffer.from(`Claude AI usage limit reached|${seconds(2 * hour)}`);
    const failure = readClaudeFailure(headOf(429, { "content-type": "text/plain" }), body, makeCall(), now);
    const expected: Expected = { kind: "rate-limited", scope: "account", in: 2 * hour };
    assert.deepEqual(summarize(failure, expected), expected);
  });

  it("reads a spend limit's code and date together", () => {
    const failure = read(429, {
      type: limitType,
      code: "enforced_spend_limit_reached",
      message: "You have reached your API usage limits. You will regain access on 2026-11-23 at 00:00 UTC.",
    });
    const expected: Expected = { kind: "rate-limited", scope: "account", in: 12 * hour };
    assert.deepEqual(summarize(failure, expected), expected);
  });
});

describe("requests of a kind that the plan does not cover are passed on", () => {
  const rows: [number, string][] = [
    [429, "Extra usage is required for long context requests."],
    [429, "You're out of extra usage."],
    [429, "Long context requests are limited."],
    [400, "Third-party apps now draw from your extra usage, not your plan limits. Add more at claude.ai."],
    [400, "You're out of extra usage · resets at 5pm"],
    [
      400,
      "This credential is only authorized for use with Claude Code and cannot be used for other API requests.",
    ],
    [
      403,
      "This credential is only authorized for use with Claude Code and cannot be used for other API requests.",
    ],
    [403, "The long context beta is not yet available for this subscription."],
  ];
  for (const [status, message] of rows) {
    it(`${status} "${message}"`, () => {
      const headers = unified({ status: "allowed", "5h-status": "allowed", reset: seconds(hour) });
      const failure = read(status, { type: "invalid_request_error", message }, headers);
      assert.deepEqual(failure, { kind: "rejected", status, reason: message });
    });
  }

  it("but a window that is used up counts more than the text", () => {
    const headers = unified({ status: "rejected", "5h-status": "rejected", "5h-reset": seconds(hour) });
    const failure = read(429, { type: limitType, message: "Enable extra usage to go on." }, headers);
    const expected: Expected = { kind: "rate-limited", scope: "account", in: hour };
    assert.deepEqual(summarize(failure, expected), expected);
  });
});

describe("bodies that are not the API's", () => {
  const page = (title: string) =>
    Buffer.from(`<!DOCTYPE html><html><head><title>${title}</title></head><body></body></html>`);
  const html = { "content-type": "text/html; charset=UTF-8" };
  const rows: [number, Buffer, Record<string, string>, ReturnType<typeof read>][] = [
    [
      413,
      page("413 Request Entity Too Large"),
      html,
      {
        kind: "rejected",
        status: 413,
        reason: 'the provider answered with status 413 and the web page "413 Request Entity Too Large"',
      },
    ],
    [
      403,
      page("Just a moment..."),
      html,
      {
        kind: "edge-refused",
        status: 403,
        ray: undefined,
        reason: 'the provider answered with status 403 and the web page "Just a moment..."',
      },
    ],
    [
      502,
      Buffer.from("<html></html>"),
      {},
      {
        kind: "server-error",
        status: 502,
        reason: "the provider answered with status 502 and a web page",
        isOfEdge: true,
      },
    ],
    [
      429,
      page("Rate limited"),
      html,
      {
        kind: "edge-refused",
        status: 429,
        ray: undefined,
        reason: 'the provider answered with status 429 and the web page "Rate limited"',
      },
    ],
    [
      500,
      Buffer.from('{"type":"err'),
      {},
      { kind: "server-error", status: 500, reason: "the provider answered with status 500" },
    ],
    [
      500,
      Buffer.alloc(0),
      {},
      { kind: "server-error", status: 500, reason: "the provider answered with status 500" },
    ],
    [
      500,
      Buffer.from("upstream connect error\n"),
      {},
      { kind: "server-error", status: 500, reason: "upstream connect error" },
    ],
    [400, Buffer.from("null"), {}, { kind: "rejected", status: 400, reason: "null" }],
    [
      400,
      Buffer.from('{"error":"no"}'),
      {},
      {
        kind: "rejected",
        status: 400,
        reason: "the provider answered with status 400",
      },
    ],
  ];
  for (const [status, body, headers, expected] of rows) {
    it(`${status} ${body.toString("latin1", 0, 40)}`, () => {
      assert.deepEqual(readClaudeFailure(headOf(status, headers), body, makeCall(), now), expected);
    });
  }
});

describe("an error as the first event of a stream", () => {
  const rows: [ErrorParts, Expected][] = [
    [
      { type: "overloaded_error", message: "Overloaded" },
      { kind: "capacity", in: null },
    ],
    [
      { type: "api_error", message: "Internal server error" },
      { kind: "server-error", status: 500 },
    ],
    [{ type: "timeout_error" }, { kind: "server-error", status: 504 }],
    [{ type: "rate_limit_error", message: ordinary429 }, { kind: "limited-unblamed" }],
    [
      { type: "rate_limit_error", message: "Extra usage is required for long context requests." },
      { kind: "rejected", status: 429 },
    ],
    [
      { type: "rate_limit_error", message: `Claude AI usage limit reached|${seconds(hour)}` },
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [{ type: "authentication_error" }, { kind: "unauthorized" }],
    [{ type: "permission_error", message: "no access to this model" }, { kind: "model-denied" }],
    [{ type: "billing_error" }, { kind: "account-out" }],
    [{ type: "not_found_error", message: "model: x" }, { kind: "model-missing" }],
    [
      { type: "invalid_request_error", message: "no" },
      { kind: "rejected", status: 400 },
    ],
    [{ type: "request_too_large" }, { kind: "rejected", status: 413 }],
    [{ type: "invalid_request_error", code: "organization_on_hold" }, { kind: "account-out" }],
    [{ type: "brand_new_error" }, { kind: "server-error", status: 500 }],
  ];
  for (const [error, expected] of rows) {
    it(`${error.type} "${error.message ?? ""}" is ${expected.kind}`, () => {
      const failure = readClaudeErrorEvent(errorBody(error), makeCall({ stream: true }), now);
      assert.deepEqual(summarize(failure, expected), expected);
    });
  }

  it("that is no error event at all counts against the server", () => {
    for (const event of [undefined, null, 3, "x", [], {}, { error: null }, { error: [] }]) {
      assert.equal(readClaudeErrorEvent(event, makeCall(), now).kind, "server-error");
    }
  });
});

it("no key that a provider echoes is in a reason", () => {
  const failure = read(401, {
    type: "authentication_error",
    message: "invalid x-api-key: sk-ant-api03-AAAA\nBBBB",
  });
  assert.deepEqual(failure, { kind: "unauthorized", reason: "invalid x-api-key: *** BBBB" });
});
