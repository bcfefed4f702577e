// How long requests and attempts took, while the time of day is being set.

import assert from "node:assert/strict";
import { test } from "node:test";
import { claudeFailures } from "../support/claude-script.ts";
import { memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";

test("a clock that is set back makes no time negative", async (t) => {
  const start = Date.now();
  let asked = 0;
  let ticks = 0;
  const { ask, rows, upstream } = await startPipeline(t, ["a", "b"], () => ({
    now: () => start - 1000 * asked++,
    monotonic: () => 100 + 7.4 * ticks++,
  }));
  upstream.queue("key-of-a", claudeFailures.overloaded());
  const sink = await ask(
    "/v1/messages",
    memorySource({ model: "claude-opus-5-5", max_tokens: 10, messages: [{ role: "user", content: "Hi" }] }),
  );
  assert.equal(sink.head?.status, 200);
  const row = rows.at(-1);
  const times = [row?.totalMs, row?.firstByteMs, ...(row?.attemptRows ?? []).map(({ ms }) => ms)];
  assert.equal(times.length, 4);
  for (const ms of times) assert.ok(ms !== undefined && ms >= 0 && Number.isInteger(ms), times.join());
});
