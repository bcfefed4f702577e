// What failures of the Gemini API and of Code Assist mean for the account; how long the API's 429 lasts is in gemini-429.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readGeminiErrorEvent, readGeminiFailure } from "../../src/upstreams/gemini-failures.ts";
import { type ErrorParts, errorBody, info, quota, read, retry, rpc } from "./gemini-errors.ts";
import { type Expected, geminiCall, headOf, hour, minute, now, second, summarize } from "./make-call.ts";

describe("statuses and reasons of the Gemini API", () => {
  const rows: [number, ErrorParts, Expected][] = [
    [400, { message: "Invalid JSON payload received." }, { kind: "rejected", status: 400 }],
    [
      400,
      { message: "API key not valid. Please pass a valid API key.", details: [info("API_KEY_INVALID")] },
      { kind: "unauthorized" },
    ],
    [400, { message: "API key not valid. Please pass a valid API key." }, { kind: "unauthorized" }],
    [400, { message: "API key expired. Please refresh the API key." }, { kind: "unauthorized" }],
    [
      400,
      { status: "FAILED_PRECONDITION", message: "User location is not supported for the API use." },
      { kind: "account-out" },
    ],
    [
      400,
      {
        status: "FAILED_PRECONDITION",
        message: "Gemini API free tier is not available in your country. Please enable billing.",
      },
      { kind: "account-out" },
    ],
    [
      400,
      {
        status: "FAILED_PRECONDITION",
        message: "The File abc is not in an ACTIVE state and usage is not allowed.",
      },
      { kind: "rejected", status: 400 },
    ],
    [401, { message: "Request had invalid authentication credentials." }, { kind: "unauthorized" }],
    [402, {}, { kind: "account-out" }],
    [403, { message: "The caller does not have permission" }, { kind: "unexplained-refusal", status: 403 }],
    [403, { details: [info("SERVICE_DISABLED")] }, { kind: "account-out" }],
    [403, { details: [info("API_KEY_SERVICE_BLOCKED")] }, { kind: "account-out" }],
    [403, { details: [info("CONSUMER_SUSPENDED")] }, { kind: "account-out" }],
    [403, { details: [info("CONSUMER_INVALID")] }, { kind: "account-out" }],
    [403, { details: [info("BILLING_DISABLED")] }, { kind: "account-out" }],
    [
      403,
      { message: "Your API key was reported as leaked. Please use another API key." },
      { kind: "account-out" },
    ],
    [
      403,
      { message: "Method doesn't allow unregistered callers (callers without established identity)." },
      { kind: "unauthorized" },
    ],
    [403, { details: [info("USER_PROJECT_DENIED")] }, { kind: "rejected", status: 403 }],
    [
      403,
      { details: [info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")] },
      { kind: "unexplained-refusal", status: 403 },
    ],
    [
      404,
      {
        message: "models/nope is not found for API version v1beta, or is not supported for generateContent.",
      },
      { kind: "model-missing" },
    ],
    [404, { message: "Requested entity was not found." }, { kind: "model-missing" }],
    [404, { message: "File abc was not found." }, { kind: "rejected", status: 404 }],
    [413, {}, { kind: "rejected", status: 413 }],
    [499, {}, { kind: "rejected", status: 499 }],
    [500, {}, { kind: "server-error", status: 500 }],
    [502, {}, { kind: "server-error", status: 502 }],
    [504, {}, { kind: "server-error", status: 504 }],
    [501, {}, { kind: "server-error", status: 501 }],
    [503, { message: "The model is overloaded. Please try again later." }, { kind: "capacity", in: null }],
    [503, { details: [retry("7s")] }, { kind: "capacity", in: 7 * second }],
  ];
  for (const [code, error, expected] of rows) {
    const reason = error.details ? JSON.stringify(error.details).match(/"reason":"(\w+)"/)?.[1] : "";
    it(`${code} ${error.status ?? ""} ${reason} "${error.message ?? ""}" is ${expected.kind}`, () => {
      assert.deepEqual(summarize(read(code, error), expected), expected);
    });
  }
});

describe("reasons of Code Assist", () => {
  const exhausted = "You have exhausted your capacity on this model. Your quota will reset after 21h38m5s.";
  const rows: [string, number, ErrorParts, Expected][] = [
    [
      "RATE_LIMIT_EXCEEDED with its delay",
      429,
      { message: "Too fast", details: [info("RATE_LIMIT_EXCEEDED"), retry("0.48s")] },
      { kind: "rate-limited", scope: "account", in: 480 },
    ],
    [
      "RATE_LIMIT_EXCEEDED of one model",
      429,
      { details: [info("RATE_LIMIT_EXCEEDED", { model: "gemini-2.5-pro" }), retry("20s")] },
      { kind: "rate-limited", scope: "model", in: 20 * second },
    ],
    [
      "RATE_LIMIT_EXCEEDED without a delay",
      429,
      { details: [info("RATE_LIMIT_EXCEEDED")] },
      { kind: "rate-limited", scope: "account", in: null },
    ],
    [
      "QUOTA_EXHAUSTED with RetryInfo",
      429,
      { details: [info("QUOTA_EXHAUSTED"), retry("33740.9s")] },
      { kind: "rate-limited", scope: "model", in: 33740.9 * second },
    ],
    [
      "QUOTA_EXHAUSTED with its reset as a time",
      429,
      { details: [info("QUOTA_EXHAUSTED", { quotaResetTimeStamp: "2026-11-22T21:03:14Z" })] },
      { kind: "rate-limited", scope: "model", in: Date.UTC(2026, 10, 22, 21, 3, 14) - now },
    ],
    [
      "QUOTA_EXHAUSTED with its reset as a delay",
      429,
      { details: [info("QUOTA_EXHAUSTED", { quotaResetDelay: "539.5ms" })] },
      { kind: "rate-limited", scope: "model", in: 540 },
    ],
    [
      "QUOTA_EXHAUSTED with its reset in the text",
      429,
      { message: exhausted, details: [info("QUOTA_EXHAUSTED")] },
      { kind: "rate-limited", scope: "model", in: 21 * hour + 38 * minute + 5 * second },
    ],
    [
      "QUOTA_EXHAUSTED without a reset",
      429,
      { details: [info("QUOTA_EXHAUSTED")] },
      { kind: "rate-limited", scope: "model", in: null },
    ],
    [
      "INSUFFICIENT_G1_CREDITS_BALANCE",
      429,
      { details: [info("INSUFFICIENT_G1_CREDITS_BALANCE")] },
      { kind: "account-out" },
    ],
    [
      "SECURITY_POLICY_VIOLATED",
      403,
      { details: [info("SECURITY_POLICY_VIOLATED")] },
      { kind: "account-out" },
    ],
    [
      "a project or licence problem",
      403,
      { message: "Permission denied on resource project cloudaicompanion.googleapis.com" },
      { kind: "account-out" },
    ],
  ];
  for (const [title, code, error, expected] of rows) {
    it(title, () => {
      const call = geminiCall({ path: "/v1internal:generateContent" });
      assert.deepEqual(summarize(read(code, error, { call }), expected), expected);
    });
  }

  it("VALIDATION_REQUIRED names the page where the account is verified", () => {
    const fromMetadata = read(403, {
      message: "Verify your account to continue.",
      details: [info("VALIDATION_REQUIRED", { validation_link: "https://accounts.example/verify" })],
    });
    const reason = "Verify your account to continue. https://accounts.example/verify";
    assert.deepEqual(fromMetadata, { kind: "account-out", reason });
    const help = { "@type": `${rpc}Help`, links: [{ description: "d", url: "https://help.example/" }] };
    const fromHelp = read(403, { message: "", details: [info("VALIDATION_REQUIRED"), help] });
    assert.deepEqual(fromHelp, {
      kind: "account-out",
      reason: "The account must be verified: https://help.example/",
    });
  });

  it("an unknown model is unknown to this account's tier only", () => {
    const call = geminiCall({ path: "/v1internal:generateContent" });
    assert.equal(read(404, { message: "Not found." }, { call }).kind, "model-missing");
    const other = geminiCall({ path: "/v1internal:loadCodeAssist", operation: "code-assist" });
    assert.equal(read(404, { message: "Not found." }, { call: other }).kind, "rejected");
  });
});

describe("what is asked for beside generating", () => {
  const settings = geminiCall({
    operation: "code-assist",
    path: "/v1internal:listExperiments",
    model: undefined,
  });

  it("may be denied to an account that generates", () => {
    const failure = read(403, { message: "The caller does not have permission" }, { call: settings });
    assert.equal(failure.kind, "unexplained-refusal");
  });

  it("has limits of its own", () => {
    const counting = geminiCall({ operation: "count-tokens" });
    const quotas = [[retry("40s")], [quota("CountTokensPerDayPerProject")], [info("QUOTA_EXHAUSTED")]];
    for (const call of [settings, counting]) {
      for (const details of quotas) assert.equal(read(429, { details }, { call }).kind, "limited-unblamed");
    }
  });
});

describe("an error as the first chunk of a stream", () => {
  const rows: [string, unknown, Expected][] = [
    ["503", errorBody(503), { kind: "capacity", in: null }],
    ["500", errorBody(500), { kind: "server-error", status: 500 }],
    [
      "429",
      errorBody(429, { details: [retry("3s")] }),
      { kind: "rate-limited", scope: "account", in: 3 * second },
    ],
    ["401", errorBody(401), { kind: "unauthorized" }],
    ["400", errorBody(400), { kind: "rejected", status: 400 }],
    ["an element of an array", [errorBody(503)], { kind: "capacity", in: null }],
    [
      "a status without a code",
      { error: { status: "UNAVAILABLE", message: "x" } },
      { kind: "capacity", in: null },
    ],
    ["neither", { error: { message: "x" } }, { kind: "server-error", status: 500 }],
    ["nothing readable", "x", { kind: "server-error", status: 500 }],
  ];
  for (const [title, event, expected] of rows) {
    it(title, () => {
      assert.deepEqual(
        summarize(readGeminiErrorEvent(event, geminiCall({ stream: true }), now), expected),
        expected,
      );
    });
  }
});

describe("bodies that are not the API's", () => {
  const rows: [number, string, Record<string, string>, ReturnType<typeof read>][] = [
    [
      403,
      "<!doctype html><title>Error 403 (Forbidden)!!1</title>",
      {},
      {
        kind: "edge-refused",
        status: 403,
        ray: undefined,
        reason: 'the provider answered with status 403 and the web page "Error 403 (Forbidden)!!1"',
      },
    ],
    [429, "", {}, { kind: "limited-unblamed", reason: "the provider answered with status 429" }],
    [
      413,
      "<html>too large</html>",
      {},
      { kind: "rejected", status: 413, reason: "the provider answered with status 413 and a web page" },
    ],
    [
      500,
      '{"error":{"details":7,"message":["x"]}}',
      {},
      { kind: "server-error", status: 500, reason: "the provider answered with status 500" },
    ],
  ];
  for (const [status, body, headers, expected] of rows) {
    it(`${status} ${body.slice(0, 40)}`, () => {
      const failure = readGeminiFailure(headOf(status, headers), Buffer.from(body), geminiCall(), now);
      assert.deepEqual(failure, expected);
    });
  }
});

it("no key that Google echoes is in a reason", () => {
  const message = "Consumer 'api_key:AIzaSyD-abcdefghijklmn' has been suspended.";
  const failure = read(403, { message, details: [info("CONSUMER_SUSPENDED")] });
  assert.deepEqual(failure, { kind: "account-out", reason: "Consumer 'api_key:***' has been suspended." });
});
