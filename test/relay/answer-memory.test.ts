// server.memory_mb: answers that are held back, observed, decoded, converted or merged draw on it as requests do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { createMemoryBudget } from "../../src/relay/memory-budget.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { type MemorySink, memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";

const mebi = 1024 * 1024;
const atOnce = 20;
const answerBytes = mebi / 2;
const maxBytes = 2 * mebi;

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
  /** How much of the answers is held at least, all together; a quarter of the budget is for one of them at a time. */
  atLeastBytes?: number;
}

const cases: Record<string, Case> = {
  "unstreamed answers": { path: "/v1/messages", stream: false, answer: { headers: json, body: message } },
  "coded answers": { path: "/v1/messages", stream: false, answer: { headers: codedHeaders, body: coded } },
  "events of a stream": {
    path: "/v1/messages",
    stream: true,
    answer: { headers: events, body: oneLargeEvent },
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
  },
  errors: {
    ...{ path: "/v1/chat/completions", stream: false },
    answer: { status: 400, headers: codedHeaders, body: coded },
    atLeastBytes: mebi / 4,
  },
};

for (const [name, { path, stream, answer, atLeastBytes = maxBytes / 2 }] of Object.entries(cases)) {
  test(`twenty large ${name} at once stay inside the memory of all bodies, and blame no account`, async (t) => {
    const memory = createMemoryBudget(() => ({ maxBytes, maxWaitMs: 2000 }));
    const { upstream, ask, deps } = await startPipeline(t, ["a"], () => ({ memory }));
    upstream.on({ model: "claude-sonnet-5-5" }, answer);
    const send = (model: string) =>
      ask(path, memorySource({ model, max_tokens: 9, stream, messages: [{ role: "user", content: "Hi" }] }));
    const all = Array.from({ length: atOnce }, () => send("claude-sonnet-5-5"));
    const ordinary = await send("claude-opus-5-5");
    assert.deepEqual([ordinary.head?.status, ordinary.ending], [200, "clean"]);
    for (const sink of await Promise.all(all)) assertEnded(sink);
    const peak = memory.takePeak();
    assert.ok(peak <= maxBytes && peak >= atLeastBytes, `${peak} bytes were taken`);
    assert.equal(memory.usedBytes, 0);
    const [account] = deps.pool.accounts;
    assert.deepEqual([account!.cooldowns.size, account!.truncations.count], [0, 0]);
  });
}

/** What got no memory in time hears so, and when to come back. */
function assertEnded({ head, ending, text: body }: MemorySink): void {
  const said = `${head?.status} ${ending} ${body.slice(0, 300)}`;
  assert.notEqual(ending, undefined, said);
  if (head?.status === 503) {
    assert.match(body, /server\.memory_mb/);
    assert.equal(head.headers[head.headers.indexOf("retry-after") + 1], "5");
  } else if (ending === "clean") {
    assert.ok(head?.status === 200 || head?.status === 400, said);
  } else {
    assert.match(body, /memory_exhausted/, said);
  }
}
