// The line of one request in the log of `serve` on a terminal.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRequestLine } from "../../src/cli/serve/request-line.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { withoutStyle } from "../../src/terminal/style.ts";
import { displayWidth } from "../../src/terminal/width.ts";
import { fakeScreen } from "../terminal/support.ts";

const clock = () => new Date(2026, 10, 22, 14, 3, 21).getTime();
const request = {
  ...{
    request: "mia00000-0a0a0a0a-0001",
    client: "laptop",
    route: "claude/generate",
    model: "claude-opus-5-5",
  },
  ...{ account: "work", path: ["home", "work"], status: 200, outcome: "complete", attempts: 2 },
  ...{
    first_byte_ms: 640,
    total_ms: 12_400,
    input: 1200,
    output: 900,
    cache_creation: 0,
    cache_read: 38_000,
  },
};

function linesOf(fields: object, { width = 120, message = "request", colour = false } = {}): string[] {
  const screen = fakeScreen({ width, colour });
  const describe = createRequestLine(screen, clock);
  const log = createLog({ level: "info", pretty: true, colour, clock, describe, destination: screen });
  log.info(fields, message);
  return screen.text().trimEnd().split("\n");
}

test("a request is one line with its path, result, time and tokens", () => {
  assert.deepEqual(linesOf(request), [
    "14:03:21 info  0a0a0a0a  laptop     claude-opus-5-5    home → work                200          12.4s",
  ]);
  assert.deepEqual(linesOf({ ...request, client: "anonymous" }), [
    "14:03:21 info  0a0a0a0a  claude-opus-5-5     home → work                  200          12.4s     40k",
  ]);
});

test("where nobody has said what a request used, its line does not say nothing", () => {
  const { input, output, cache_creation, cache_read, ...unknown } = request;
  const [line] = linesOf({ ...unknown, client: "anonymous" });
  assert.match(line!, / 200 +12\.4s$/);
});

const attempt = {
  ...{ request: "mia00000-0a0a0a0a-0001", account: "home", failure: "rate-limited", status: 429 },
  ...{
    reason: "the 5h window is full",
    next: "next account",
    until: new Date(2026, 10, 22, 16, 14).toISOString(),
  },
};

test("a failed attempt is one line with what it was, until when, and what followed", () => {
  const line = (fields: object) => linesOf(fields, { message: "attempt failed" });
  assert.deepEqual(line(attempt), [
    "14:03:21 info  0a0a0a0a  home: rate-limited (429) until 16:14, next account: the 5h window is full",
  ]);
  const { until: _until, status: _status, reason: _reason, ...bare } = { ...attempt, failure: "unreachable" };
  assert.deepEqual(line(bare), ["14:03:21 info  0a0a0a0a  home: unreachable, next account"]);
  const [evil = "", ...more] = line({ ...attempt, reason: `evil\u001b[2J\u202e\r\n${"x".repeat(500)}` });
  assert.deepEqual(more, []);
  assert.equal(displayWidth(evil), 100);
  assert.doesNotMatch(evil, /[\p{Cc}\p{Bidi_Control}]/u);
});

test("no request takes more than 100 columns, or than the terminal has", () => {
  const long = {
    ...request,
    client: "c".repeat(80),
    model: "m".repeat(200),
    path: ["a".repeat(90), "b".repeat(90)],
  };
  const odd = { ...long, outcome: "truncated", account: "(none)", total_ms: 1e9, cache_read: 1e15 };
  for (const [width, most] of [
    [80, 80],
    [100, 100],
    [200, 100],
  ] as const) {
    for (const fields of [request, long, odd]) {
      const [line = "", ...more] = linesOf(fields, { width, colour: true });
      assert.deepEqual(more, []);
      assert.ok(
        displayWidth(withoutStyle(line)) <= most,
        `${displayWidth(withoutStyle(line))} of ${most}: ${line}`,
      );
    }
  }
});

test("control characters of a client do not reach the terminal", () => {
  const [line = ""] = linesOf({ ...request, model: "evil\u001b[2J\u202e\r\nx", client: "\u0007" });
  assert.doesNotMatch(line, /[\p{Cc}\p{Bidi_Control}]/u);
});

test("other entries are as they were", () => {
  assert.deepEqual(linesOf({ url: "http://x" }, { message: "listening" }), [
    "14:03:21 info  listening  url=http://x",
  ]);
});
