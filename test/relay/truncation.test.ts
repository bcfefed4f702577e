// A converted stream that is not whole ends with an error event, and its connection is broken off.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Behaviour } from "../support/behaviour.ts";
import { sseData } from "../support/client.ts";
import { memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";

const body = { model: "claude-opus-5-5", stream: true, messages: [{ role: "user", content: "Hi" }] };
const overloaded = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };

const cases: Record<string, { behaviour: Behaviour; code: string; sentence: RegExp }> = {
  "broken off by its provider": {
    behaviour: { cut: { afterEvents: 4, how: "rst" } },
    code: "upstream_truncated",
    sentence: /please retry your request/,
  },
  "ended without its last event": {
    behaviour: { cut: { afterEvents: 4, how: "clean" } },
    code: "upstream_truncated",
    sentence: /please retry your request/,
  },
  "ended by the provider's own error event": {
    behaviour: { errorAfter: { events: 4, event: overloaded } },
    code: "server_is_overloaded",
    sentence: /Overloaded/,
  },
};

for (const [name, { behaviour, code, sentence }] of Object.entries(cases)) {
  test(`a converted stream ${name} says so and is broken off`, async (t) => {
    const { upstream, ask, rows } = await startPipeline(t, ["a"]);
    upstream.queue("key-of-a", behaviour);
    const sink = await ask("/v1/chat/completions", memorySource(body));
    assert.deepEqual([sink.head?.status, sink.ending], [200, "error"]);
    const { error } = sseData(sink.text).at(-1) as { error: { code: string; message: string } };
    assert.equal(error.code, code);
    assert.match(error.message, sentence);
    assert.doesNotMatch(sink.text, /\[DONE\]/);
    assert.equal(rows.at(-1)?.outcome, "truncated");
  });
}

test("a converted stream that falls silent says that it did", async (t) => {
  const { upstream, ask } = await startPipeline(t, ["a"], (deps) => {
    const config = deps.config();
    return { config: () => ({ ...config, upstream: { ...config.upstream, idleTimeoutMs: 100 } }) };
  });
  upstream.queue("key-of-a", { gate: (event) => (event === 4 ? 60_000 : undefined) });
  const sink = await ask("/v1/chat/completions", memorySource(body));
  assert.equal(sink.ending, "error");
  assert.match(sink.text, /"code":"upstream_timeout"/);
  assert.match(sink.text, /please retry your request/);
});
