import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { clockTime, dateTime, dayName } from "../../src/time/local-time.ts";
import { useZone } from "../store/zones.ts";

before(() => useZone("America/New_York"));
after(() => useZone(undefined));

describe("a time on the clock", () => {
  const now = Date.parse("2026-11-22T14:00:00-05:00");
  const cases: [string, string][] = [
    ["2026-11-22T16:14:59-05:00", "16:14"],
    ["2026-11-22T00:00:00-05:00", "00:00"],
    ["2026-11-23T00:05:00-05:00", "Mon 00:05"],
    ["2026-11-28T13:59:00-05:00", "Sat 13:59"],
    ["2026-11-28T14:00:00-05:00", "2026-11-28 14:00"],
    ["2026-11-21T23:59:00-05:00", "2026-11-21 23:59"],
  ];
  for (const [at, expected] of cases) {
    it(`is ${expected} for ${at}`, () => assert.equal(clockTime(Date.parse(at), now), expected));
  }

  it("leaves out midnight, and knows the local day", () => {
    assert.equal(dateTime(Date.parse("2026-11-15T05:00:00Z")), "2026-11-15");
    assert.equal(dateTime(Date.parse("2026-11-15T04:59:00Z")), "2026-11-14 23:59");
    assert.equal(dayName(Date.parse("2026-07-01T03:59:00Z")), "2026-06-30");
  });
});
