import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDuration, parseInstant, waitInText } from "../../src/upstreams/times.ts";
import { day, hour, minute, now, second } from "./make-call.ts";

describe("parseDuration", () => {
  const rows: [string | undefined, number | undefined][] = [
    ["6ms", 6],
    ["1s", 1000],
    ["6m0s", 6 * minute],
    ["1h2m3.5s", hour + 2 * minute + 3500],
    ["34.25s", 34250],
    ["900ms", 900],
    ["500us", 0.5],
    ["500µs", 0.5],
    ["35 seconds", 35 * second],
    ["1 minute 30 seconds", 90 * second],
    ["2 hours", 2 * hour],
    ["1d", day],
    [".5s", 500],
    ["0s", 0],
    ["12", undefined],
    ["s", undefined],
    ["5 apples", undefined],
    ["5s later", undefined],
    ["", undefined],
    [undefined, undefined],
  ];
  for (const [text, expected] of rows) {
    it(`of ${JSON.stringify(text)} is ${expected}`, () => assert.equal(parseDuration(text), expected));
  }
});

describe("parseInstant", () => {
  const rows: [string | undefined, number | undefined][] = [
    ["1795435200", 1795435200000],
    ["1795435200.5", 1795435200500],
    ["1795435200000", 1795435200000],
    ["2026-11-22T13:00:00Z", now + hour],
    ["2026-11-22T13:00:00.250+00:00", now + hour + 250],
    ["0", undefined],
    ["-1", undefined],
    ["soon", undefined],
    ["2026", 2026000],
    ["Sun, 22 Nov 2026", undefined],
    [undefined, undefined],
  ];
  for (const [text, expected] of rows) {
    it(`of ${JSON.stringify(text)} is ${expected}`, () => assert.equal(parseInstant(text), expected));
  }
});

describe("waitInText", () => {
  const rows: [string, number | undefined][] = [
    ["Please try again in 11.054s. Visit https://example.com", 11054],
    ["Please try again in 35 seconds", 35 * second],
    ["Please try again in 120ms.", 120],
    ["Please try again in 6m0s. Or not.", 6 * minute],
    ["try again in   1h2m3s, please", hour + 2 * minute + 3 * second],
    ["Please try again in a moment", undefined],
    ["Please try again in 5 apples", undefined],
    ["Wait 5s", undefined],
  ];
  for (const [text, expected] of rows) {
    it(`reads ${expected} out of "${text}"`, () => {
      const until = waitInText(text, /try again in\s/i, now);
      assert.equal(until === undefined ? undefined : until - now, expected);
    });
  }
});
