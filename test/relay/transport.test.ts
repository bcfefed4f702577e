// The pipeline over another transport than HTTP, as a WebSocket is one: a frame is a request, and so are the pieces of its
// answer. What is learned of accounts, bound, recorded and reported is the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { cooldownFor } from "../../src/accounts/account.ts";
import type { Answer } from "../../src/relay/answer.ts";
import type { AttemptResult } from "../../src/relay/attempt.ts";
import type { Transport } from "../../src/relay/transport.ts";
import { memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";

const body = {
  model: "claude-opus-5-5",
  max_tokens: 9,
  stream: true,
  messages: [{ role: "user", content: "Hi" }],
};
const events = [
  { type: "message_start", message: { id: "msg_1", usage: { input_tokens: 3, output_tokens: 1 } } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hello" } },
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 7 } },
  { type: "message_stop" },
];

/** An upstream socket that refuses the account `a` with an error frame, and answers any other one frame by frame. */
const overFrames: Transport = async ({ account, upstream, call }, { now }): Promise<AttemptResult> => {
  const head = { status: 200, headers: {} };
  if (account.config.id === "a") {
    const limits = {
      "anthropic-ratelimit-unified-status": "rejected",
      "anthropic-ratelimit-unified-reset": `${Math.ceil(now() / 1000) + 600}`,
    };
    const refusal = JSON.stringify({ type: "error", error: { type: "rate_limit_error", message: "limit" } });
    const failure = upstream.readFailure({ status: 429, headers: limits }, Buffer.from(refusal), call, now());
    return { ok: false, failure, answer: undefined };
  }
  const observer = upstream.observe(call);
  const frames = events.map((event) =>
    Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
  );
  const answer: Answer = {
    head,
    rawHeaders: [],
    observer,
    headAt: now(),
    held: [],
    isWhole: false,
    isTruncated: false,
    pipe(sink) {
      for (const frame of frames) {
        observer.push(frame);
        sink.data(frame);
      }
      observer.end();
      sink.end();
    },
    pause() {},
    resume() {},
    discard() {},
  };
  return { ok: true, answer };
};

test("failover, cooldowns, bindings, usage and events are those of every other request", async (t) => {
  const { ask, deps, rows, events: told, upstream } = await startPipeline(t, ["a", "b"]);
  const source = memorySource(body, { "x-session-id": "one" });
  const sink = await ask("/v1/messages", source, { transport: overFrames });
  assert.deepEqual([sink.head?.status, sink.ending], [200, "clean"]);
  assert.match(sink.text, /"text":"Hello"/);
  assert.equal(upstream.requests.length, 0);
  assert.ok(cooldownFor(deps.pool.account("a")!, "opus", Date.now()));
  const [row] = rows;
  assert.deepEqual(
    [row?.account, row?.outcome, row?.tokens.input, row?.tokens.output],
    ["b", "complete", 3, 7],
  );
  assert.deepEqual(
    row?.attemptRows?.map(({ account, class: kind }) => [account, kind]),
    [
      ["a", "rate-limited"],
      ["b", "answered"],
    ],
  );
  assert.ok(told.some(({ name }) => name === "failedOver"));
  const second = await ask("/v1/messages", source, { transport: overFrames });
  assert.equal(second.ending, "clean");
  assert.deepEqual(rows[1]?.attempts, 1);
});
