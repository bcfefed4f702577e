// What a 429 of Claude's says: its headers, and the rate of counting tokens.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readClaudeFailure } from "../../src/upstreams/claude-failures.ts";
import { errorBody, limitType, ordinary429, read, seconds, unified } from "./claude-errors.ts";
import { day, type Expected, headOf, hour, makeCall, minute, now, second, summarize } from "./make-call.ts";

describe("the headers of a 429", () => {
  const open = {
    "5h-status": "allowed",
    "7d-status": "allowed",
    "5h-reset": seconds(hour),
    "7d-reset": seconds(day),
  };
  const rows: [string, Record<string, string>, Expected][] = [
    ["no header at all", {}, { kind: "limited-unblamed" }],
    ["x-should-retry alone", { "x-should-retry": "true" }, { kind: "limited-unblamed" }],
    ["x-should-retry: false alone", { "x-should-retry": "false" }, { kind: "limited-unblamed" }],
    [
      "retry-after alone",
      { "retry-after": "7999" },
      { kind: "rate-limited", scope: "account", in: 7999 * second },
    ],
    ["retry-after-ms", { "retry-after-ms": "1500" }, { kind: "rate-limited", scope: "account", in: 1500 }],
    [
      "5h rejected: its own reset counts, not retry-after",
      {
        ...unified({ ...open, status: "rejected", "5h-status": "rejected", reset: seconds(2 * hour) }),
        "retry-after": "13262",
      },
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [
      "7d rejected",
      unified({ ...open, "7d-status": "rejected" }),
      { kind: "rate-limited", scope: "account", in: day },
    ],
    [
      "both rejected: the later reset",
      unified({ ...open, "5h-status": "rejected", "7d-status": "rejected" }),
      { kind: "rate-limited", scope: "account", in: day },
    ],
    [
      "5h and the model's window rejected: the account is in cooldown as long as 5h",
      unified({
        ...open,
        "5h-status": "rejected",
        "7d_oi-status": "rejected",
        "7d_oi-reset": seconds(3 * day),
      }),
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [
      "a rejected window without a reset takes the summary's",
      unified({ status: "rejected", "5h-status": "rejected", reset: seconds(30 * minute) }),
      { kind: "rate-limited", scope: "account", in: 30 * minute },
    ],
    [
      "a reset that is over takes retry-after",
      { ...unified({ "5h-status": "rejected", "5h-reset": seconds(-hour) }), "retry-after": "60" },
      { kind: "rate-limited", scope: "account", in: minute },
    ],
    [
      "a reset that is over, and nothing else",
      unified({ "5h-status": "rejected", "5h-reset": seconds(-hour) }),
      { kind: "rate-limited", scope: "account", in: null },
    ],
    [
      "the other words for rejected",
      unified({ "5h-status": "rate_limited", "5h-reset": seconds(hour) }),
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [
      "a full window without a status, when something is rejected",
      unified({ status: "rejected", "5h-utilization": "1.02", "5h-reset": seconds(hour) }),
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [
      "only the model's window rejected",
      unified({ ...open, status: "rejected", "7d_oi-status": "rejected", "7d_oi-reset": seconds(2 * day) }),
      { kind: "rate-limited", scope: "model", in: 2 * day },
    ],
    [
      "a claim that names a model",
      unified({
        ...open,
        status: "rejected",
        reset: seconds(3 * day),
        "representative-claim": "seven_day_opus",
      }),
      { kind: "rate-limited", scope: "model", in: 3 * day },
    ],
    [
      "the claim of the overage window",
      unified({
        ...open,
        status: "rejected",
        reset: seconds(day),
        "representative-claim": "seven_day_overage_included",
      }),
      { kind: "rate-limited", scope: "model", in: day },
    ],
    [
      "a claim that names the account's window, without the windows",
      unified({ status: "rejected", reset: seconds(hour), "representative-claim": "five_hour" }),
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [
      "the claim of all third-party apps is the account's",
      unified({ status: "rejected", reset: seconds(hour), "representative-claim": "seven_day_oauth_apps" }),
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [
      "out of credits with room in the plan",
      {
        ...unified({ ...open, "overage-status": "rejected", "overage-disabled-reason": "out_of_credits" }),
        "retry-after": "300",
      },
      { kind: "rate-limited", scope: "model", in: 300 * second },
    ],
    [
      "out of credits without a time",
      unified({
        ...open,
        status: "rejected",
        "overage-disabled-reason": "out_of_credits",
        reset: seconds(hour),
      }),
      { kind: "rate-limited", scope: "model", in: null },
    ],
    [
      "overage that the organisation forbids means nothing",
      unified({ ...open, "overage-status": "rejected", "overage-disabled-reason": "org_level_disabled" }),
      { kind: "rate-limited", scope: "account", in: null },
    ],
    [
      "pure overage sends two resets only",
      unified({ reset: seconds(hour), "overage-reset": seconds(day) }),
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [
      "the reset of a summary that allows is no reason to be in cooldown",
      unified({ ...open, status: "allowed", reset: seconds(hour), "fallback-percentage": "0.5" }),
      { kind: "rate-limited", scope: "account", in: null },
    ],
    [
      "a reset beyond eight days is cut",
      unified({ "7d-status": "rejected", "7d-reset": seconds(30 * day) }),
      { kind: "rate-limited", scope: "account", in: 8 * day },
    ],
    [
      "a key's empty bucket",
      {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": new Date(now + 40 * second).toISOString(),
        "anthropic-ratelimit-tokens-remaining": "1000",
        "anthropic-ratelimit-tokens-reset": new Date(now + hour).toISOString(),
      },
      { kind: "rate-limited", scope: "account", in: 40 * second },
    ],
    [
      "two empty buckets: the later reset",
      {
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": new Date(now + 20 * second).toISOString(),
        "anthropic-ratelimit-output-tokens-remaining": "0",
        "anthropic-ratelimit-output-tokens-reset": new Date(now + 50 * second).toISOString(),
      },
      { kind: "rate-limited", scope: "account", in: 50 * second },
    ],
    [
      "an empty bucket with retry-after",
      {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": new Date(now + 40 * second).toISOString(),
        "retry-after": "3",
      },
      { kind: "rate-limited", scope: "account", in: 3 * second },
    ],
    [
      "buckets with room left",
      { "anthropic-ratelimit-requests-remaining": "4" },
      { kind: "rate-limited", scope: "account", in: null },
    ],
    [
      "the priority tier's buckets are rate-limit headers too",
      { "anthropic-priority-input-tokens-remaining": "0" },
      { kind: "rate-limited", scope: "account", in: null },
    ],
    [
      "a full window without a status, and a summary that rejects nothing",
      {
        ...unified({ status: "allowed", "5h-utilization": "1", "5h-reset": seconds(hour) }),
        "retry-after": "3",
      },
      { kind: "rate-limited", scope: "account", in: 3 * second },
    ],
    [
      "a full window without a status, and a summary that rejects",
      unified({
        status: "rejected",
        "5h-utilization": "1",
        "5h-reset": seconds(hour),
        "7d-utilization": "0.5",
      }),
      { kind: "rate-limited", scope: "account", in: hour },
    ],
    [
      "nonsense in every header",
      unified({ status: "purple", "5h-status": "", "5h-reset": "soon", reset: "NaN" }),
      { kind: "rate-limited", scope: "account", in: null },
    ],
  ];
  for (const [title, headers, expected] of rows) {
    it(title, () => {
      const failure = read(429, { type: limitType, message: ordinary429 }, headers);
      assert.deepEqual(summarize(failure, expected), expected);
    });
  }
});

describe("a 429 of counting tokens", () => {
  const count = (headers: Record<string, string>) => {
    const body = Buffer.from(JSON.stringify(errorBody({ type: limitType, message: ordinary429 })));
    const call = makeCall({ operation: "count-tokens", path: "/v1/messages/count_tokens" });
    return readClaudeFailure(headOf(429, headers), body, call, now);
  };

  it("is about a rate of its own, and blames nobody", () => {
    assert.equal(count({ "retry-after": "60" }).kind, "limited-unblamed");
  });

  it("is about the account when a window of the plan is used up", () => {
    const failure = count(
      unified({ status: "rejected", "5h-status": "rejected", "5h-reset": seconds(hour) }),
    );
    assert.equal(failure.kind, "rate-limited");
  });
});
