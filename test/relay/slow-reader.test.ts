// A client that reads slowly or not at all: the provider is stopped, memory stays bounded, and silence is not blamed on the provider.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type OpenAnswer, open } from "../support/client.ts";
import { createManualTime, type ManualTime } from "../support/manual-time.ts";
import { patient } from "../support/patience.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { turns, until } from "../support/until.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;
const mebi = 1024 * 1024;

const event = (type: string, fields: object) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const opening = event("message_start", { message: { usage: { input_tokens: 3, output_tokens: 1 } } });
const delta = (size: number) =>
  event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "x".repeat(size) } });
const ending =
  event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 77 } }) +
  event("message_stop", {});

/** What the kernel's socket buffers on the way hold, seen from the outside; what the relay itself holds is far less. */
const maxOnTheWay = 24 * mebi;
const idleTimeoutMs = 1000;

/** A client with so many bytes to read that reads none of them, and the moment the provider was stopped. */
async function stalled(
  t: TestContext,
  first: string,
): Promise<Stage & { answer: OpenAnswer; total: number; time: ManualTime }> {
  const time = createManualTime();
  const stage = await setStage(t, {
    timers: time.timers,
    configure: (config) => ({ ...config, upstream: { ...config.upstream, idleTimeoutMs } }),
  });
  const piece = delta(100_000);
  const pieces = Array<string>(300).fill(piece);
  stage.upstream.queue("key-of-first", { rawEvents: [first, ...pieces, ending] });
  const answer = await open(stage.relay.url, claude.request());
  const request = stage.upstream.requests[0]!;
  let seen = -1;
  let looks = 0;
  // A moment without progress proves nothing on a busy machine.
  await until("the provider stops", async () => {
    looks = request.bytesSent === seen && seen > 0 ? looks + 1 : 0;
    seen = request.bytesSent;
    await sleep(20);
    await turns();
    return looks === 12;
  });
  const total = Buffer.byteLength(first) + pieces.length * Buffer.byteLength(piece) + ending.length;
  return { ...stage, answer, total, time };
}

for (const [name, first] of [
  ["small", opening],
  ["of half a megabyte", opening + delta(500_000)],
] as const) {
  test(`the provider stops when the client does not read, the first event being ${name}`, async (t) => {
    const { upstream, relay, answer, total, time } = await stalled(t, first);
    const request = upstream.requests[0]!;
    assert.ok(request.bytesSent < maxOnTheWay, `${Math.round(request.bytesSent / mebi)} MiB were taken`);
    // Longer than the idle timeout: it is the client that is slow.
    time.advance(10 * idleTimeoutMs);
    await turns();
    assert.equal(request.closedAt, undefined);
    const whole = await answer.finish();
    assert.deepEqual([whole.end, whole.body.length], ["clean", total]);
    const { total: recorded } = await relay.store.usage.summarize({
      since: 0,
      until: Date.now() + 1000,
      by: "day",
    });
    assert.deepEqual([recorded.requests, recorded.errors, recorded.tokens.output], [1, 0, 77]);
  });
}

test("a client that leaves while the provider is stopped closes the provider's request", async (t) => {
  const { upstream, relay, answer } = await stalled(t, opening);
  answer.abort();
  const begun = performance.now();
  await upstream.requests[0]!.closed;
  assert.ok(performance.now() - begun < patient(500));
  await until("it is recorded", () => relay.log.find(({ fields }) => fields.outcome === "aborted"));
});

test("a slow reader does not slow another client down", async (t) => {
  const { relay, answer } = await stalled(t, opening);
  const begun = performance.now();
  const other = await (await open(relay.url, claude.request({ session: "other" }))).finish();
  assert.equal(other.end, "clean");
  assert.ok(performance.now() - begun < patient(1000));
  answer.abort();
});
