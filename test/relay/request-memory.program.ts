// What has sent a body lets go of it once the answer is decided: an open stream costs no more for a long conversation.

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";
import { until } from "../support/until.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** A request of a megabyte whose bytes nobody but the pipeline holds. */
function weighty(): { chunk: WeakRef<Buffer>; body: Readable; length: string } {
  const body = Buffer.from(
    JSON.stringify({
      model: "claude-opus-5-5",
      max_tokens: 9,
      stream: true,
      messages: [{ role: "user", content: "x".repeat(1024 * 1024) }],
    }),
  );
  const stream = new Readable({ read() {} });
  stream.push(body);
  stream.push(null);
  return { chunk: new WeakRef(body), body: stream, length: String(body.length) };
}

for (const path of ["/v1/messages", "/v1/chat/completions"]) {
  test(`the body of a request to ${path} is gone while its answer is still being streamed`, async (t) => {
    const { upstream, ask, events } = await startPipeline(t, ["a"]);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    upstream.queue("key-of-a", { gate: (event) => (event === 4 ? released : undefined) });
    const { chunk, body, length } = weighty();
    const source = { ...memorySource({}, { "content-length": length }), body };
    const asked = ask(path, source);
    await until("its answer is being streamed", () => events.some(({ name }) => name === "answerStarted"));
    await until(
      "its body is collected",
      async () => {
        await sleep(20);
        collect();
        return chunk.deref() === undefined;
      },
      5000,
    ).finally(release);
    const sink = await asked;
    assert.equal(sink.ending, "clean");
  });
}
