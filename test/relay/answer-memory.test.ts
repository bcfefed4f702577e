// server.memory_mb: answers that are held back, observed, decoded, converted or merged draw on it as requests do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Account } from "../../src/accounts/account.ts";
import { createAnswerMemory, usualBytes } from "../../src/relay/answer-memory.ts";
import type { ClientSink, RequestSource } from "../../src/relay/client.ts";
import { createMemoryBudget } from "../../src/relay/memory-budget.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";

const mebi = 1024 * 1024;
const atOnce = 20;
const answerBytes = mebi / 2;
/** A quarter of it is for one at a time: it has to suffice for what one answer needs, so that none waits in vain. */
const maxBytes = 12 * mebi;

/** Shrinks to three quarters: what shrinks more is not read as far. */
const text = Array.from({ length: answerBytes / 8 }, () =>
  Math.random().toString(36).slice(2, 10).padEnd(8),
).join("");
const json = { "content-type": "application/json" };
const events = { "content-type": "text/event-stream" };
const message = JSON.stringify({
  ...{ type: "message", id: "msg_1", role: "assistant", model: "claude-opus-5-5", stop_reason: "end_turn" },
  content: [{ type: "text", text }],
  usage: { input_tokens: 1, output_tokens: 2 },
});
const oneLargeEvent = [
  { type: "message_start", message: { type: "message", model: "m", content: [], usage: {} } },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: text.slice(500) } },
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 1 } },
  { type: "message_stop" },
]
  .map((event) => `data: ${JSON.stringify(event)}\n\n`)
  .join("");
const coded = gzipSync(message);
const codedHeaders = { ...json, "content-encoding": "gzip" };

interface Case {
  path: "/v1/messages" | "/v1/chat/completions";
  stream: boolean;
  answer: Behaviour;
  /** How it ends for a client when there is no memory for it; as an error that says so, unless given. */
  withoutMemory?: [status: number, ending: string];
}

const cases: Record<string, Case> = {
  "unstreamed answers": {
    ...{ path: "/v1/messages", stream: false },
    answer: { headers: json, body: message },
  },
  "coded answers": { path: "/v1/messages", stream: false, answer: { headers: codedHeaders, body: coded } },
  "events of a stream": {
    path: "/v1/messages",
    stream: true,
    answer: { headers: events, body: oneLargeEvent },
    // Its usage is not read.
    withoutMemory: [200, "clean"],
  },
  "converted answers": {
    ...{ path: "/v1/chat/completions", stream: false },
    answer: { headers: json, body: message },
  },
  "coded answers that are converted": {
    ...{ path: "/v1/chat/completions", stream: false },
    answer: { headers: codedHeaders, body: coded },
  },
  "converted events of a stream": {
    ...{ path: "/v1/chat/completions", stream: true },
    answer: { headers: events, body: oneLargeEvent },
    withoutMemory: [200, "error"],
  },
  errors: {
    ...{ path: "/v1/chat/completions", stream: false },
    answer: { status: 400, headers: codedHeaders, body: coded },
  },
};

for (const [name, one] of Object.entries(cases)) {
  const { path, stream, answer, withoutMemory = [503, "clean"] } = one;

  test(`twenty large ${name} at once stay inside the memory of all bodies, and all are answered`, async (t) => {
    const memory = createMemoryBudget(() => ({ maxBytes, maxWaitMs: 60_000 }));
    const { upstream, ask, deps } = await startPipeline(t, ["a"], () => ({ memory }));
    upstream.on({ model: "claude-sonnet-5-5" }, answer);
    const send = (model: string) => ask(path, large(model, stream));
    const all = Array.from({ length: atOnce }, () => send("claude-sonnet-5-5"));
    const ordinary = await send("claude-opus-5-5");
    assert.deepEqual([ordinary.head?.status, ordinary.ending], [200, "clean"]);
    for (const { head, ending, text: said } of await Promise.all(all)) {
      assert.deepEqual([head?.status, ending], [answer.status ?? 200, "clean"], said.slice(0, 300));
    }
    const peak = memory.takePeak();
    assert.ok(peak <= maxBytes && peak >= answerBytes / 2, `${peak} bytes were taken`);
    assert.equal(memory.usedBytes, 0);
    assertUnblamed(deps.pool.accounts[0]!);
  });

  test(`with no memory left ${name} end in time, and blame no account`, async (t) => {
    const memory = createMemoryBudget(() => ({ maxBytes, maxWaitMs: 1 }));
    const others = memory.open(new AbortController().signal);
    others.grow(maxBytes - mebi / 16);
    const { upstream, ask, deps } = await startPipeline(t, ["a"], () => ({ memory }));
    upstream.on({ model: "claude-sonnet-5-5" }, answer);
    const sink = await ask(path, large("claude-sonnet-5-5", stream));
    others.release();
    assert.deepEqual([sink.head?.status, sink.ending], withoutMemory, sink.text.slice(0, 300));
    if (withoutMemory[1] !== "clean" || sink.head?.status === 503)
      assert.match(sink.text, /memory_exhausted|server\.memory_mb/);
    if (sink.head?.status === 503)
      assert.equal(sink.head.headers[sink.head.headers.indexOf("retry-after") + 1], "5");
    assert.equal(memory.usedBytes, 0);
    assertUnblamed(deps.pool.accounts[0]!);
  });
}

test("an answer of the usual size is counted, and waits for nobody", () => {
  const memory = createMemoryBudget(() => ({ maxBytes, maxWaitMs: 60_000 }));
  const others = memory.open(new AbortController().signal);
  others.grow(maxBytes);
  const answer = createAnswerMemory(memory.openGrowing(new AbortController().signal));
  assert.equal(answer.hold(usualBytes), undefined);
  assert.equal(memory.usedBytes, maxBytes + usualBytes);
  answer.release();
  assert.equal(memory.usedBytes, maxBytes);
});

test("an answer that has waited in vain is not held up again", async () => {
  const memory = createMemoryBudget(() => ({ maxBytes, maxWaitMs: 1 }));
  const others = memory.open(new AbortController().signal);
  others.grow(maxBytes);
  const answer = createAnswerMemory(memory.openGrowing(new AbortController().signal));
  await assert.rejects(async () => await answer.hold(mebi), /server\.memory_mb/);
  answer.release();
  assert.throws(() => answer.hold(mebi), /server\.memory_mb/);
  answer.release();
  others.release();
  assert.equal(answer.hold(mebi), undefined);
});

test("what waits for a client is counted until it has taken that", async (t) => {
  const memory = createMemoryBudget(() => ({ maxBytes, maxWaitMs: 1000 }));
  const { upstream, ask } = await startPipeline(t, ["a"], () => ({ memory }));
  upstream.on({ model: "claude-sonnet-5-5" }, { headers: json, body: message });
  let waitingBytes = 0;
  let take = () => {};
  const sink: ClientSink = {
    hasStarted: false,
    start() {},
    flush() {},
    write: () => true,
    onDrain: () => () => {},
    end(rest) {
      waitingBytes = rest?.length ?? 0;
    },
    endWithError() {},
    breakOff() {},
    get waitingBytes() {
      return waitingBytes;
    },
    onTaken(listener) {
      take = listener;
    },
  };
  await ask("/v1/chat/completions", large("claude-sonnet-5-5", false), { sink });
  assert.ok(waitingBytes > answerBytes);
  assert.equal(memory.usedBytes, waitingBytes);
  take();
  assert.equal(memory.usedBytes, 0);
});

function large(model: string, stream: boolean): RequestSource {
  return memorySource({ model, max_tokens: 9, stream, messages: [{ role: "user", content: "Hi" }] });
}

function assertUnblamed({ cooldowns, truncations }: Account): void {
  assert.deepEqual([cooldowns.size, truncations.count], [0, 0]);
}
