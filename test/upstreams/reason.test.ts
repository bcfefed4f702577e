import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { reasonFrom } from "../../src/upstreams/reason.ts";
import { anyText } from "../support/any-text.ts";
import { threadTime } from "../support/thread-time.ts";

describe("reasonFrom", () => {
  const rows: [string, string][] = [
    [
      "This request would exceed your account's rate limit.",
      "This request would exceed your account's rate limit.",
    ],
    ["two\r\nlines\tand\u0000control\u001b[31m", "two lines and control [31m"],
    ["right\u202eto\u2028left", "right to left"],
    ["Incorrect API key provided: my-test-key-1. Find it at", "Incorrect API key provided: *** Find it at"],
    ['{"api_key": "abcd1234"}', '{"api_key": "***"}'],
    ["invalid x-api-key sk-ant-api03-abcdef", "invalid x-api-key sk-ant-***"],
    ["Consumer 'api_key:AIzaSyD-1234567' has been suspended.", "Consumer 'api_key:***' has been suspended."],
    ["key gsk1_a1b2c3d4e5f6g7h8i9j0k1l2 is unknown", "key *** is unknown"],
    ["model: claude-haiku-4-5-20251001", "model: claude-haiku-4-5-20251001"],
    [
      "quota GenerateRequestsPerDayPerProjectPerModel-FreeTier",
      "quota GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    ],
    ["limit 'Gemini25ProRequestsPerDay' is spent", "limit 'Gemini25ProRequestsPerDay' is spent"],
    ["see req_011CSHoEeqs5C35K2UUqR7Fy", "see req_011CSHoEeqs5C35K2UUqR7Fy"],
    ["max_tokens: 64000 > 32000", "max_tokens: 64000 > 32000"],
  ];
  for (const [text, expected] of rows) {
    it(`makes "${expected}"`, () => assert.equal(reasonFrom([text], "fallback"), expected));
  }

  it("takes the first text that says anything, else the fallback", () => {
    assert.equal(reasonFrom([undefined, " \n ", "this"], "fallback"), "this");
    assert.equal(reasonFrom([undefined, ""], "fallback"), "fallback");
  });

  it("cuts after 200 characters without cutting one in two", () => {
    const cut = reasonFrom(["👋".repeat(300)], "");
    assert.equal(cut, `${"👋".repeat(199)}…`);
    assert.equal(reasonFrom(["x".repeat(200)], ""), "x".repeat(200));
  });

  it("is one short line whatever the provider says", () => {
    fc.assert(
      fc.property(anyText({ maxLength: 500 }), (text) => {
        const reason = reasonFrom([text], "fallback");
        assert.ok([...reason].length <= 200);
        assert.doesNotMatch(reason, /[\p{Cc}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it("takes no time for hostile text", () => {
    const started = threadTime();
    for (const text of ["key".repeat(100_000), "a1".repeat(100_000), "key = ".repeat(50_000)]) {
      reasonFrom([text], "");
    }
    assert.ok(threadTime() - started < 500);
  });
});
