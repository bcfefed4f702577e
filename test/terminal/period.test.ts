import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fixText, UserError } from "../../src/domain/errors.ts";
import { periodText, readPeriod } from "../../src/terminal/period.ts";
import { useZone } from "../store/zones.ts";

// New York puts its clocks back on 2026-11-01.
before(() => useZone("America/New_York"));
after(() => useZone(undefined));

const now = Date.parse("2026-11-22T14:30:00-05:00");

const iso = (at: number) => new Date(at).toISOString().replace(".000", "");

describe("--since", () => {
  const cases: [string, string][] = [
    ["30m", "2026-11-22T19:00:00Z"],
    ["24h", "2026-11-21T19:30:00Z"],
    ["7d", "2026-11-15T19:30:00Z"],
    ["4w", "2026-10-25T19:30:00Z"],
    ["999999999w", "1970-01-01T00:00:00Z"],
    ["2026-11-20", "2026-11-20T05:00:00Z"],
    ["2026-11-01", "2026-11-01T04:00:00Z"],
    ["2024-02-29", "2024-02-29T05:00:00Z"],
    ["2026-11-20T08:15:00Z", "2026-11-20T08:15:00Z"],
    ["2026-11-20t08:15:00.5z", "2026-11-20T08:15:00.500Z"],
    ["2026-11-20T08:15:00+01:00", "2026-11-20T07:15:00Z"],
    ["2026-11-20T08:15:00", "2026-11-20T13:15:00Z"],
    ["2026-11-20T08:15", "2026-11-20T13:15:00Z"],
    ["2026-11-20 08:15", "2026-11-20T13:15:00Z"],
  ];
  for (const [since, expected] of cases) {
    it(`${since} is ${expected}`, () => {
      const period = readPeriod({ since, until: undefined }, now);
      assert.deepEqual(
        { ...period, since: iso(period.since) },
        { since: expected, until: now, untilNow: true },
      );
    });
  }

  it("in the future is an empty period", () => {
    const period = readPeriod({ since: "2030-01-01", until: undefined }, now);
    assert.equal(period.until, period.since);
  });
});

describe("--until", () => {
  const cases: [string, string, string][] = [
    ["2026-11-20", "2026-11-21T05:00:00Z", "from 2026-10-31 until the end of 2026-11-20"],
    ["2026-11-01", "2026-11-02T05:00:00Z", "from 2026-10-31 until the end of 2026-11-01"],
    ["2026-11-20T08:15:00Z", "2026-11-20T08:15:00Z", "from 2026-10-31 until 2026-11-20 03:15"],
    ["2d", "2026-11-20T19:30:00Z", "from 2026-10-31 until 2026-11-20 14:30"],
    ["9999-12-31", "9999-12-31T23:59:59Z", "from 2026-10-31 until 9999-12-31 18:59"],
  ];
  for (const [until, expected, text] of cases) {
    it(`${until} ends at ${expected}`, () => {
      const period = readPeriod({ since: "2026-10-31", until }, now);
      assert.equal(iso(period.until), expected);
      assert.equal(periodText(period), text);
    });
  }

  it("of the same day as --since is that one day, 25 hours when the clocks are put back", () => {
    const { since, until } = readPeriod({ since: "2026-11-01", until: "2026-11-01" }, now);
    assert.equal(until - since, 25 * 3_600_000);
  });

  it("before --since is refused", () => {
    assert.throws(
      () => readPeriod({ since: "2026-11-20", until: "2026-11-19" }, now),
      (error) => error instanceof UserError && error.exitCode === 2,
    );
  });
});

describe("what is no point in time", () => {
  const wrong = [
    "",
    "yesterday",
    "7",
    "7 d",
    "-7d",
    "1.5h",
    "7y",
    "2026-13-01",
    "2026-02-30",
    "2023-02-29",
    "2026-11-20T25:00:00Z",
    "2026-11-20T08:60:00Z",
    "2026-02-30T08:00:00Z",
    "2026-11-20T08:00:00+99:00",
    "20261120",
    "9".repeat(400),
  ];
  for (const since of wrong) {
    it(`${JSON.stringify(since.slice(0, 30))} is refused with what is accepted`, () => {
      assert.throws(
        () => readPeriod({ since, until: undefined }, now),
        (error) =>
          error instanceof UserError &&
          error.exitCode === 2 &&
          error.message.length < 100 &&
          fixText(error.fix ?? "") ===
            "write a distance (30m, 24h, 7d, 4w), a day (2026-11-22) or a time (2026-11-22T14:00:00Z)",
      );
    });
  }
});
