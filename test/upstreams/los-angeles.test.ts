import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nextMidnightInLosAngeles } from "../../src/upstreams/gemini-failures.ts";

describe("the next midnight in Los Angeles", () => {
  const rows: [string, string, string][] = [
    ["in winter", "2026-11-22T12:00:00Z", "2026-11-23T08:00:00.000Z"],
    ["in summer", "2026-07-01T12:00:00Z", "2026-07-02T07:00:00.000Z"],
    ["when it is already tomorrow in Greenwich", "2026-11-23T03:00:00Z", "2026-11-23T08:00:00.000Z"],
    ["a moment before", "2026-11-23T07:59:59.999Z", "2026-11-23T08:00:00.000Z"],
    ["exactly then is a day later", "2026-11-23T08:00:00Z", "2026-11-24T08:00:00.000Z"],
    ["on the day clocks go forward, before", "2026-03-08T09:30:00Z", "2026-03-09T07:00:00.000Z"],
    ["on the day clocks go forward, after", "2026-03-08T20:00:00Z", "2026-03-09T07:00:00.000Z"],
    ["the evening before clocks go forward", "2026-03-08T04:00:00Z", "2026-03-08T08:00:00.000Z"],
    ["on the day clocks go back, before", "2026-11-01T08:30:00Z", "2026-11-02T08:00:00.000Z"],
    ["on the day clocks go back, in the repeated hour", "2026-11-01T09:30:00Z", "2026-11-02T08:00:00.000Z"],
    ["the evening before clocks go back", "2026-11-01T05:00:00Z", "2026-11-01T07:00:00.000Z"],
    ["at the end of a year", "2027-01-01T07:00:00Z", "2027-01-01T08:00:00.000Z"],
    ["on leap day", "2028-02-29T12:00:00Z", "2028-03-01T08:00:00.000Z"],
  ];
  for (const [title, from, expected] of rows) {
    it(title, () => {
      assert.equal(new Date(nextMidnightInLosAngeles(Date.parse(from))).toISOString(), expected);
    });
  }
});
