import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bar } from "../../src/terminal/bars.ts";
import { truncate } from "../../src/terminal/width.ts";
import { count, duration, percent, plural, relativeTime, rfc3339, usd } from "../../src/text/format.ts";
import { maskSecret } from "../../src/text/redact.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

function table<In, Out>(name: string, make: (value: In) => Out, rows: [In, Out][]): void {
  describe(name, () => {
    for (const [value, expected] of rows) {
      it(`makes ${JSON.stringify(value)} "${expected}"`, () => assert.equal(make(value), expected));
    }
  });
}

table("duration", duration, [
  [0, "0s"],
  [1, "1s"],
  [59 * second, "59s"],
  [61 * second, "1m 1s"],
  [10 * minute, "10m"],
  [10 * minute + 1, "11m"],
  [59 * minute + 30 * second, "1h"],
  [2 * hour + 14 * minute, "2h 14m"],
  [day, "1d"],
  [3 * day + 4 * hour, "3d 4h"],
  [-5, "0s"],
]);

table("relativeTime", (distance: number) => relativeTime(1e12 + distance, 1e12), [
  [0, "now"],
  [-900, "now"],
  [-45 * second, "45s ago"],
  [-(4 * minute + 40 * second), "4m ago"],
  [-(2 * hour + 14.9 * minute), "2h 14m ago"],
  [2 * hour + 13.5 * minute, "in 2h 14m"],
  [7 * second, "in 7s"],
]);

table("count", count, [
  [0, "0"],
  [950, "950"],
  [999, "999"],
  [1000, "1k"],
  [1234, "1.2k"],
  [9990, "10k"],
  [999_600, "1M"],
  [1_234_567, "1.2M"],
  [-1500, "-1.5k"],
  [7.2e15, "7200T"],
]);

table("usd", usd, [
  [undefined, "unknown"],
  [0, "$0.00"],
  [0.0042, "$0.0042"],
  [0.00001, "<$0.0001"],
  [1234.5, "$1,234.50"],
]);

table("percent", percent, [
  [0, "0%"],
  [0.834, "83%"],
  [0.29, "29%"],
  [0.999, "99%"],
  [1, "100%"],
  [1.07, "107%"],
]);

it("times for programs are RFC 3339 in whole seconds", () => {
  assert.equal(rfc3339(Date.UTC(2026, 10, 22, 14, 3, 5, 678)), "2026-11-22T14:03:05Z");
});

it("one of a thing is singular", () => {
  assert.deepEqual(
    [plural(0, "account"), plural(1, "account"), plural(2, "account")],
    ["0 accounts", "1 account", "2 accounts"],
  );
});

describe("bars", () => {
  const unicode = (fraction: number) => bar(fraction, { width: 10, unicode: true, track: true });
  const ascii = (fraction: number) => bar(fraction, { width: 10, unicode: false, track: true });

  it("have eighths of a character", () => {
    assert.deepEqual([0, 0.001, 0.5, 0.56, 1].map(unicode), [
      "░░░░░░░░░░",
      "▏░░░░░░░░░",
      "█████░░░░░",
      "█████▋░░░░",
      "██████████",
    ]);
  });

  it("are full above the whole and empty for no figure", () => {
    assert.deepEqual([1.5, Number.POSITIVE_INFINITY, Number.NaN, -1].map(unicode), [
      "██████████",
      "██████████",
      "░░░░░░░░░░",
      "░░░░░░░░░░",
    ]);
  });

  it("fall back to ASCII", () => {
    assert.deepEqual([0, 0.001, 0.5, 1].map(ascii), ["----------", "#---------", "#####-----", "##########"]);
  });

  it("without a track are filled with spaces to their width", () => {
    assert.equal(bar(0.3, { width: 10, unicode: true }), "███       ");
  });
});

describe("maskSecret", () => {
  it("shows the beginning only, and never more than a quarter", () => {
    assert.equal(maskSecret("sk-ant-api03-abcdefghijklmnop"), "sk-ant****");
    assert.equal(maskSecret("key-1234"), "ke****");
    assert.equal(maskSecret("abc"), "****");
  });

  it("does not reveal the length and shows no control characters", () => {
    assert.equal(maskSecret("a".repeat(400)).length, maskSecret("b".repeat(40)).length);
    assert.equal(maskSecret(`\u001b[2J${"x".repeat(40)}`), "*[2Jxx****");
  });
});

describe("truncate", () => {
  it("leaves what fits and marks what does not", () => {
    assert.equal(truncate("claude", 6), "claude");
    assert.equal(truncate("claude-1", 6), "claud…");
    assert.equal(truncate("claude-1", 6, false), "cla...");
    assert.equal(truncate("claude", 0), "");
  });

  it("never cuts a character in two", () => {
    assert.equal(truncate("日本語です", 6), "日本…");
    assert.equal(truncate("👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", 5), "👨‍👩‍👧👨‍👩‍👧…");
  });
});
