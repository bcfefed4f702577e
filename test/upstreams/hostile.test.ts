import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Failure } from "../../src/domain/failure.ts";
import type { AccountType } from "../../src/domain/family.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { draws } from "../support/draws.ts";
import { day, geminiCall, makeCall, now, openaiCall } from "./make-call.ts";

const types = Object.keys(accountKinds) as AccountType[];
const callOf = { claude: makeCall, gemini: geminiCall, openai: openaiCall };

const names = [
  "error",
  "type",
  "message",
  "details",
  "code",
  "status",
  "error_code",
  "@type",
  "reason",
  "metadata",
  "violations",
  "quotaId",
  "retryDelay",
  "resets_at",
  "response",
  "__proto__",
];
/** Every plain object has these. */
const inherited = ["constructor", "__proto__", "toString", "hasOwnProperty"];
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.constantFrom(
      "429",
      "type.googleapis.com/google.rpc.RetryInfo",
      "usage limit reached|9999999999",
      "limit: 0",
      "9999-12-31T23:59:59-23:59",
      ...inherited,
    ),
    fc.double(),
    fc.constantFrom(null, true, -1, 1e300),
    fc.array(tie("any"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...names), tie("any"), { maxKeys: 4 }),
  ),
})).any;

const headerNames = [
  "retry-after",
  "retry-after-ms",
  "content-type",
  "anthropic-ratelimit-unified-status",
  "anthropic-ratelimit-unified-5h-reset",
  "anthropic-ratelimit-unified-5h-status",
  "anthropic-ratelimit-unified-7d_oi-status",
  "anthropic-ratelimit-unified-representative-claim",
  "anthropic-ratelimit-requests-remaining",
  "anthropic-ratelimit-requests-limit",
  "x-ratelimit-reset-requests",
  "x-ratelimit-remaining-requests",
  "x-codex-primary-used-percent",
  "x-codex-primary-reset-at",
  ...inherited.flatMap((name) => [name, `anthropic-ratelimit-unified-${name}-reset`]),
];
const headerValues = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "rejected",
    "0",
    "-1",
    "1e400",
    "9".repeat(400),
    "1795435200",
    "seven_day_opus",
    "9999-12-31T23:59:59-23:59",
    "0000-01-01T00:00:00Z",
    ...inherited,
    "h".repeat(5000),
  ),
);
const headers = fc.dictionary(
  fc.constantFrom(...headerNames),
  fc.oneof(headerValues, fc.array(headerValues, { maxLength: 2 })),
);

function assertSound(failure: Failure): void {
  const until = "until" in failure ? failure.until : undefined;
  if (until !== undefined) assert.ok(until >= now && until <= now + 8 * day && Number.isInteger(until));
  assert.ok("reason" in failure && failure.reason !== "" && [...failure.reason].length <= 200);
}

describe("whatever a provider sends is read as some failure, with a sound time and reason", () => {
  for (const type of types) {
    const upstream = accountKinds[type].upstream;
    const call = callOf[accountKinds[type].family ?? "claude"]();

    it(`${type}, as an answer`, () => {
      const body = fc.oneof(
        value.map((one) => Buffer.from(JSON.stringify(one) ?? "")),
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      );
      fc.assert(
        fc.property(fc.integer({ min: 400, max: 599 }), headers, body, (status, fields, bytes) => {
          assertSound(upstream.readFailure({ status, headers: fields }, bytes, call, now));
        }),
        { numRuns: draws(300) },
      );
    });

    it(`${type}, as a first event`, () => {
      fc.assert(
        fc.property(value, (event) => assertSound(upstream.readErrorEvent(event, call, now))),
        { numRuns: draws(300) },
      );
    });

    it(`${type}, as windows`, () => {
      fc.assert(
        fc.property(headers, (fields) => {
          for (const window of upstream.readWindows(fields, now)) {
            assert.ok(window.name !== "");
            if (window.utilization !== undefined)
              assert.ok(window.utilization >= 0 && window.utilization < Infinity);
            if (window.resetsAt !== undefined)
              assert.match(new Date(window.resetsAt).toISOString(), /^\d{4}-/);
          }
        }),
        { numRuns: draws(300) },
      );
    });
  }
});
