import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clampUntil, readRetryAfter } from "../../src/network/retry-after.ts";
import { day, hour, now, second } from "../upstreams/make-call.ts";

describe("retry-after", () => {
  const rows: [Record<string, string | string[]>, number | undefined][] = [
    [{ "retry-after": "7" }, 7 * second],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": " 1.5 " }, 1500],
    [{ "retry-after": "13262" }, 13262 * second],
    [{ "retry-after": new Date(now + hour).toUTCString() }, hour],
    [{ "retry-after": new Date(now - hour).toUTCString() }, 0],
    [{ "retry-after": "Sunday, 22-Nov-26 12:00:30 GMT" }, 30 * second],
    [{ "retry-after-ms": "250" }, 250],
    [{ "retry-after-ms": "250", "retry-after": "7" }, 250],
    [{ "retry-after-ms": "soon", "retry-after": "7" }, 7 * second],
    [{ "retry-after": ["7", "9"] }, 7 * second],
    [{ "retry-after": "99999999999" }, 8 * day],
    [{ "retry-after": "-5" }, undefined],
    [{ "retry-after": "" }, undefined],
    [{ "retry-after": "later" }, undefined],
    [{ "retry-after": "NaN" }, undefined],
    [{ "retry-after": "1e9" }, undefined],
    [{}, undefined],
  ];
  for (const [headers, expected] of rows) {
    it(`of ${JSON.stringify(headers)} is ${expected === undefined ? "unknown" : `${expected} ms`}`, () => {
      const until = readRetryAfter(headers, now);
      assert.equal(until === undefined ? undefined : until - now, expected);
    });
  }
});

it("no cooldown begins in the past or lasts longer than eight days", () => {
  assert.equal(clampUntil(now - 1, now), now);
  assert.equal(clampUntil(now + 0.2, now), now + 1);
  assert.equal(clampUntil(now + 7 * day, now), now + 7 * day);
  assert.equal(clampUntil(now + 40 * day, now), now + 8 * day);
});
