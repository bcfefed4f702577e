// How long a 429 of the Gemini API lasts, and for what: a model, or the whole account.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readGeminiFailure } from "../../src/upstreams/gemini-failures.ts";
import { type ErrorParts, errorBody, info, quota, read, retry, rpc } from "./gemini-errors.ts";
import { day, type Expected, geminiCall, headOf, hour, minute, now, second, summarize } from "./make-call.ts";

const ofModel = { quotaDimensions: { location: "global", model: "gemini-2.5-pro" } };

/** now is noon in Greenwich, four in the morning in Los Angeles. */
const midnight = 20 * hour;

describe("the delay of a 429, in Gemini CLI's order", () => {
  const perMinute = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";
  const perDay = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";
  const rows: [string, ErrorParts, Expected][] = [
    [
      "limit: 0 is no quota at all, whatever else stands there",
      {
        message: "* Quota exceeded for metric: m, limit: 0, model: gemini-2.5-pro\nPlease retry in 3s.",
        details: [quota(perDay, ofModel), retry("3s")],
      },
      { kind: "model-denied" },
    ],
    [
      "a quota value of 0 as well",
      { details: [quota(perMinute, { quotaValue: "0" })] },
      { kind: "model-denied" },
    ],
    [
      "limit: 0.5 and limit: 05 are quotas",
      { message: "limit: 0.5, limit: 05", details: [retry("3s")] },
      { kind: "rate-limited", scope: "account", in: 3 * second },
    ],
    [
      "a quota per day lasts until midnight in Los Angeles, not as long as RetryInfo says",
      { details: [quota(perDay, ofModel), retry("12s")] },
      { kind: "rate-limited", scope: "model", in: midnight },
    ],
    [
      "a daily quota among others",
      {
        details: [
          {
            "@type": `${rpc}QuotaFailure`,
            violations: [{ quotaId: perMinute }, { quotaId: "RequestsDailyLimit" }],
          },
        ],
      },
      { kind: "rate-limited", scope: "model", in: midnight },
    ],
    [
      "a quota per day that only ErrorInfo names",
      { details: [info("RATE_LIMIT_EXCEEDED", { quota_limit: "Gemini25ProRequestsPerDay" })] },
      { kind: "rate-limited", scope: "model", in: midnight },
    ],
    [
      "MODEL_CAPACITY_EXHAUSTED",
      { details: [info("MODEL_CAPACITY_EXHAUSTED"), retry("5s")] },
      { kind: "capacity", in: 5 * second },
    ],
    [
      "MODEL_CAPACITY_EXCEEDED",
      { details: [info("MODEL_CAPACITY_EXCEEDED")] },
      { kind: "capacity", in: null },
    ],
    [
      "RetryInfo in seconds, for the model that the dimensions name",
      { message: "Please retry in 9s.", details: [quota(perMinute, ofModel), retry("34.074824224s")] },
      { kind: "rate-limited", scope: "model", in: 34075 },
    ],
    [
      "RetryInfo in milliseconds, of the whole account",
      { details: [quota("RequestsPerMinutePerProject"), retry("900ms")] },
      { kind: "rate-limited", scope: "account", in: 900 },
    ],
    [
      "a long RetryInfo",
      { details: [retry("7200s")] },
      { kind: "rate-limited", scope: "account", in: 2 * hour },
    ],
    [
      "a RetryInfo beyond eight days",
      { details: [retry("9000000s")] },
      { kind: "rate-limited", scope: "account", in: 8 * day },
    ],
    [
      "the text",
      { message: "You exceeded your current quota. Please retry in 12.3s." },
      { kind: "rate-limited", scope: "account", in: 12300 },
    ],
    [
      "the text in milliseconds",
      { message: "Please retry in 250ms." },
      { kind: "rate-limited", scope: "account", in: 250 },
    ],
    [
      "PerMinute without a delay",
      { details: [quota(perMinute, ofModel)] },
      { kind: "rate-limited", scope: "model", in: minute },
    ],
    [
      "tokens per minute",
      { details: [quota("GenerateContentInputTokensPerModelPerMinute-FreeTier")] },
      { kind: "rate-limited", scope: "model", in: minute },
    ],
    [
      "another quota without a delay",
      { details: [quota("SomethingElse")] },
      { kind: "rate-limited", scope: "account", in: null },
    ],
    [
      "nothing but the status",
      { message: "Resource has been exhausted (e.g. check quota)." },
      { kind: "limited-unblamed" },
    ],
  ];
  for (const [title, error, expected] of rows) {
    it(title, () => assert.deepEqual(summarize(read(429, error), expected), expected));
  }

  it("the rare retry-after header", () => {
    const expected: Expected = { kind: "rate-limited", scope: "account", in: 20 * second };
    const failure = read(429, { message: "Too many" }, { headers: { "retry-after": "20" } });
    assert.deepEqual(summarize(failure, expected), expected);
  });

  it("an error wrapped as the text of another one, with a comma too many", () => {
    const inner = JSON.stringify(errorBody(429, { details: [quota(perDay, ofModel)] }), null, 2);
    const loose = inner.replace(/\n\s*\]/, ",\n]");
    assert.throws(() => JSON.parse(loose));
    const wrapped = {
      message: JSON.stringify({ error: { message: loose, code: 429 } }),
      status: "Too Many Requests",
    };
    const expected: Expected = { kind: "rate-limited", scope: "model", in: midnight };
    assert.deepEqual(summarize(read(429, wrapped), expected), expected);
  });

  it("an error inside an array, as a JSON-array stream has it", () => {
    const body = Buffer.from(JSON.stringify([errorBody(429, { details: [retry("3s")] })]));
    const expected: Expected = { kind: "rate-limited", scope: "account", in: 3 * second };
    const failure = readGeminiFailure(headOf(429), body, geminiCall(), now);
    assert.deepEqual(summarize(failure, expected), expected);
  });
});
