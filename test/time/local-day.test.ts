import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import fc from "fast-check";
import { localDay } from "../../src/time/local-time.ts";
import { useZone, zones } from "../store/zones.ts";
import { draws } from "../support/draws.ts";

afterEach(() => useZone(undefined));

test("every instant lies in one day, which has the name that a calendar gives it", () => {
  for (const zone of zones) {
    useZone(zone);
    const calendar = new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" });
    fc.assert(
      fc.property(fc.integer({ min: Date.parse("2011-01-01"), max: Date.parse("2027-01-01") }), (time) => {
        const day = localDay(time);
        assert.ok(day.start <= time && time < day.end);
        assert.equal(day.name, calendar.format(time));
        assert.deepEqual(localDay(day.start), day);
        assert.deepEqual(localDay(day.end - 1), day);
        assert.equal(localDay(day.end).start, day.end);
      }),
      { numRuns: draws(200) },
    );
  }
});

test("days on which the clock is changed are longer or shorter", () => {
  useZone("America/New_York");
  const hours = (time: string) =>
    (localDay(Date.parse(time)).end - localDay(Date.parse(time)).start) / 3600e3;
  assert.equal(hours("2026-03-08T12:00:00Z"), 23);
  assert.equal(hours("2026-11-01T12:00:00Z"), 25);
  assert.equal(hours("2026-11-20T12:00:00Z"), 24);
});
