// What a client gets in one piece although its provider streams it: until it is whole nothing has gone out, so another account may answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Behaviour } from "../support/behaviour.ts";
import { limited, passAfter } from "../support/limited.ts";
import { createManualTime } from "../support/manual-time.ts";
import { memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";
import type { WireForm } from "../support/wire.ts";

/** Without `max_tokens` the most is asked for, which the provider answers only as a stream. */
const body = { model: "claude-opus-5-5", messages: [{ role: "user", content: "Hi" }] };
const never = () => new Promise<void>(() => {});
const overloaded = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };

const broken: Record<string, Behaviour> = {
  "is reset": { cut: { afterEvents: 4, how: "rst" } },
  "is closed early": { cut: { afterEvents: 4, how: "fin" } },
  "ends without its last event": { cut: { afterEvents: 4, how: "clean" } },
  "reports an error late": { errorAfter: { events: 4, event: overloaded } },
};

for (const [name, behaviour] of Object.entries(broken)) {
  test(`an unstreamed request whose provider's stream ${name} goes to the next account`, async (t) => {
    const { upstream, ask, rows } = await startPipeline(t, ["a", "b"]);
    upstream.queue("key-of-a", behaviour);
    const sink = await ask("/v1/chat/completions", memorySource(body));
    assert.equal((upstream.requests[0]!.json as { stream?: boolean }).stream, true);
    assert.deepEqual([sink.head?.status, sink.ending, upstream.requests.length], [200, "clean", 2]);
    assert.equal(JSON.parse(sink.text).object, "chat.completion");
    assert.deepEqual(rows.at(-1)?.tokens, upstream.total());
  });
}

test("an unstreamed request with a stream at its provider has the time limit of an unstreamed one", async (t) => {
  const time = createManualTime();
  const limits = limited({ unstreamedTimeoutMs: 600_000, firstByteTimeoutMs: 20_000 }, time);
  const { upstream, ask } = await startPipeline(t, ["a", "b"], limits);
  upstream.queue("key-of-a", { hang: true });
  const asked = ask("/v1/chat/completions", memorySource(body));
  await passAfter(upstream, 1, { ...time, ms: 599_000 });
  time.advance(1000);
  const sink = await asked;
  assert.deepEqual([sink.head?.status, upstream.requests.length], [504, 1]);
  assert.match(sink.text, /upstream\.unstreamed_timeout_seconds/);
});

for (const more of [{}, { max_tokens: 10 }]) {
  const form = "max_tokens" in more ? "a document" : "a stream";
  test(`an unstreamed request whose provider falls silent in ${form} is not sent again`, async (t) => {
    const { upstream, ask } = await startPipeline(t, ["a", "b"], (deps) => ({
      ...limited({ idleTimeoutMs: 100 }, deps)(deps),
      holdBackMs: 20,
    }));
    const wire: WireForm = { framing: "length", cut: "inside", pauseMs: 60_000, sleep: never };
    upstream.queue(
      "key-of-a",
      "max_tokens" in more ? { wire } : { gate: (event) => (event === 4 ? 60_000 : undefined) },
    );
    const sink = await ask("/v1/chat/completions", memorySource({ ...body, ...more }));
    assert.deepEqual([sink.head?.status, upstream.requests.length], [504, 1]);
    assert.match(sink.text, /"code":"upstream_timeout"/);
    assert.match(sink.text, /upstream\.idle_timeout_seconds/);
  });
}
