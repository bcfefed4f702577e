// The report of the benchmark: ratios round by round, the table, the picture.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Report, toMeasured, toSvg, toTable } from "./report.ts";

const floor = [100, 200, 100];
const report: Report = {
  start: [{ contestant: "cc-relay", ms: 210.4, cpuMs: 180.2, idleRssMiB: 88 }],
  results: [
    {
      case: "small <JSON>",
      target: 0.85,
      measured: [
        toMeasured("cc-relay", [90, 220, 120], floor, 90),
        toMeasured("pass-through", floor, floor, 80),
      ],
    },
  ],
  loopDelayP99Ms: 8.25,
  many: { streams: 5000, eachKiB: 58.6, rssMiB: 380 },
};

test("a ratio is of each round's own pass-through, and its spread is shown", () => {
  assert.deepEqual(report.results[0]!.measured[0]!.ratio, { median: 1.1, low: 0.9, high: 1.2 });
  assert.equal(
    toTable(report),
    [
      "                            CPU per request  ratio  lowest to highest  target  RSS",
      "small <JSON>  cc-relay      120 µs           1.10   0.90 to 1.20       0.85    90 MiB",
      "              pass-through  100 µs           1.00   1.00 to 1.00               80 MiB",
      "start of cc-relay: 210 ms, 180 ms of CPU time; idle RSS 88 MiB",
      "event loop delay under mixed load, p99: 8.3 ms (target 10)",
      "5000 slow streams at once: 59 KiB each (target 60), RSS 380 MiB",
    ].join("\n"),
  );
});

test("the picture has a bar for each contestant, and text from outside is escaped", () => {
  const svg = toSvg(report);
  assert.equal(svg.match(/<rect /g)?.length, 2);
  assert.match(svg, /small &lt;JSON>/);
  assert.match(svg, /class="own"/);
});

test("a bar of more than three times the pass-through's cost is broken off there, and its figure says how long it is", () => {
  const peer = toMeasured("peer", [1000, 2000, 1000], floor, 90);
  const svg = toSvg({ ...report, results: [{ ...report.results[0]!, measured: [peer] }] });
  assert.match(svg, /<rect x="260" y="34" width="380.0"/);
  assert.match(svg, />10\.00</);
});
