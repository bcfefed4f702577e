// Refusals in the log: each kind once a minute with its count, whatever a page or a broken client sends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRefusalLog } from "../../src/relay/event-log.ts";
import type { RequestRefused } from "../../src/relay/events.ts";
import { createManualTime } from "../support/manual-time.ts";
import { collectingLog, type LoggedLine } from "../support/relay.ts";

const minuteMs = 60_000;

function setUp() {
  const { timers, advance } = createManualTime();
  const lines: LoggedLine[] = [];
  const refusals = createRefusalLog(collectingLog(lines), timers);
  const record = (refusal: Partial<RequestRefused> = {}) =>
    refusals.record({
      request: "r",
      method: "GET",
      route: "/v1/models",
      error: "invalid_key",
      status: 401,
      detail: undefined,
      ...refusal,
    });
  const counts = () => lines.map(({ fields }) => [fields.error, fields.count ?? 1]);
  return { lines, refusals, record, counts, advance };
}

test("30,000 refusals in a minute are two lines with all of them", () => {
  const { record, counts, advance } = setUp();
  for (let n = 0; n < 30_000; n++) record();
  assert.deepEqual(counts(), [["invalid_key", 1]]);
  advance(minuteMs);
  assert.deepEqual(counts(), [
    ["invalid_key", 1],
    ["invalid_key", 29_999],
  ]);
});

test("a flood that goes on is one line a minute", () => {
  const { record, lines, advance } = setUp();
  for (let second = 0; second < 600; second++) {
    record();
    advance(1000);
  }
  assert.ok(lines.length >= 9 && lines.length <= 11, `${lines.length} lines`);
  const total = lines.reduce((sum, { fields }) => sum + Number(fields.count ?? 1), 0);
  assert.ok(total >= 540, `${total} of 600`);
});

test("different kinds do not hide each other, and made-up origins do not fill the log", () => {
  const { record, lines } = setUp();
  record();
  record({ error: "not_found", status: 404 });
  for (let n = 0; n < 1000; n++)
    record({ error: "forbidden_origin", detail: { origin: `https://${n}.example` } });
  assert.ok(lines.length <= 60, `${lines.length} lines`);
  assert.equal(lines[2]!.fields.origin, "https://0.example");
});

test("what was counted is said before the relay goes down", () => {
  const { record, refusals, counts } = setUp();
  for (let n = 0; n < 3; n++) record();
  refusals.flush();
  assert.deepEqual(counts(), [
    ["invalid_key", 1],
    ["invalid_key", 2],
  ]);
});
