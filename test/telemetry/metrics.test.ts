// The metrics keep to Prometheus' naming conventions, as `promtool check metrics` reads them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createMetrics } from "../../src/telemetry/metrics.ts";

function metrics() {
  return createMetrics({ version: "1.2.3", accounts: () => [{ id: "a", family: "claude", state: "ready" }] });
}

test("every metric has a help text, and only counters end in _total", async () => {
  const one = metrics();
  one.requestFinished({
    family: "claude",
    route: "claude/generate",
    outcome: "complete",
    status: 200,
    account: "a",
    firstByteMs: 120,
    tokens: { input: 12, output: 7, cache_write: 0, cache_read: 3 },
  });
  const text = await one.render();
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1]!, match[2]!]));
  for (const [name, type] of types) {
    assert.match(text, new RegExp(`^# HELP ${name} \\S`, "m"));
    assert.equal(name.endsWith("_total"), type === "counter", `${name} is a ${type}`);
    assert.match(name, /^(cc_relay|nodejs|process)_[a-z0-9_]+$/);
  }
  assert.match(text, /^cc_relay_tokens_total\{family="claude",account="a",kind="cache_read"\} 3$/m);
  assert.doesNotMatch(text, /kind="cache_write"/);
  assert.match(text, /^cc_relay_first_byte_seconds_bucket\{le="0.25",family="claude"\} 1$/m);
  assert.match(text, /^cc_relay_first_byte_seconds_bucket\{le="0.1",family="claude"\} 0$/m);
  assert.match(text, /^cc_relay_first_byte_seconds_bucket\{le="\+Inf",family="claude"\} 1$/m);
  assert.match(text, /^cc_relay_first_byte_seconds_sum\{family="claude"\} 0.12$/m);
  assert.match(text, /^cc_relay_first_byte_seconds_count\{family="claude"\} 1$/m);
  assert.match(text, /^cc_relay_build_info\{version="1.2.3"\} 1$/m);
});

test("failovers and refusals are counted by reason, attempts by result, open answers while they last", async () => {
  const one = metrics();
  one.failedOver({ family: "gemini", reason: "rate-limited" });
  one.attemptFinished({ account: "a", family: "gemini", result: "rate-limited" });
  one.requestRefused({ reason: "invalid_key" });
  one.streamOpened("gemini");
  one.streamOpened("gemini");
  one.streamClosed("gemini");
  const text = await one.render();
  assert.match(text, /^cc_relay_failovers_total\{family="gemini",reason="rate-limited"\} 1$/m);
  assert.match(text, /^cc_relay_attempts_total\{family="gemini",account="a",result="rate-limited"\} 1$/m);
  assert.match(text, /^cc_relay_open_answers\{family="gemini"\} 1$/m);
  assert.match(text, /^cc_relay_refused_requests_total\{reason="invalid_key"\} 1$/m);
});

test("times to the first byte are counted within their bounds, also beyond the last one, family by family", async () => {
  const one = metrics();
  const request = { route: "x", outcome: "complete", status: 200, account: "a", tokens: {} };
  for (const firstByteMs of [0, 50, 51, 300_000, 300_001])
    one.requestFinished({ ...request, family: "claude", firstByteMs });
  one.requestFinished({ ...request, family: "openai", firstByteMs: undefined });
  const text = await one.render();
  const within = (le: string) =>
    new RegExp(`^cc_relay_first_byte_seconds_bucket\\{le="${le}",family="claude"\\} (\\d+)$`, "m").exec(
      text,
    )?.[1];
  assert.deepEqual(["0.05", "0.1", "120", "300", "\\+Inf"].map(within), ["2", "3", "3", "4", "5"]);
  assert.doesNotMatch(text, /first_byte_seconds.*openai/);
});

test("docs/watching.md lists every metric of the relay's own, with its help text", async () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/watching.md"), "utf8");
  const text = await metrics().render();
  assert.deepEqual(
    [...page.matchAll(/^\| `(cc_relay_\w+)` \| (.*) \|$/gm)].map(([, name, help]) => `${name} ${help}`),
    [...text.matchAll(/^# HELP (cc_relay_.*)$/gm)].map((match) => match[1]),
  );
  assert.match(text, /^# HELP process_/m);
  assert.match(text, /^# HELP nodejs_/m);
});
