// A provider that has the whole request and does not answer in time may be at work on it, and bills it.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { claudeFailures } from "../support/claude-script.ts";
import { limited, passAfter } from "../support/limited.ts";
import { createManualTime } from "../support/manual-time.ts";
import { memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";

const body = (stream: boolean) => ({
  model: "claude-opus-5-5",
  max_tokens: 10,
  stream,
  messages: [{ role: "user", content: "Hi" }],
});

test("an unstreamed request that was sent whole is not sent again, and 504 names the setting", async (t) => {
  const time = createManualTime();
  const limits = limited({ unstreamedTimeoutMs: 600_000, firstByteTimeoutMs: 20_000 }, time);
  const { upstream, ask, deps } = await startPipeline(t, ["a", "b"], limits);
  upstream.queue("key-of-a", { hang: true });
  const asked = ask("/v1/messages", memorySource(body(false)));
  await passAfter(upstream, 1, { ...time, ms: 600_000 });
  const sink = await asked;
  assert.equal(sink.head?.status, 504);
  assert.match(sink.text, /upstream\.unstreamed_timeout_seconds/);
  assert.equal(upstream.requests.length, 1);
  assert.deepEqual([...deps.pool.account("a")!.streaks.values()], [1]);
});

test("an unstreamed answer may take longer than the first byte of a stream", async (t) => {
  const time = createManualTime();
  const limits = limited({ unstreamedTimeoutMs: 600_000, firstByteTimeoutMs: 20_000 }, time);
  const { upstream, ask } = await startPipeline(t, ["a", "b"], limits);
  const answer = Promise.withResolvers<void>();
  upstream.queue("key-of-a", { headersAfter: answer.promise });
  const asked = ask("/v1/messages", memorySource(body(false)));
  await passAfter(upstream, 1, { ...time, ms: 599_000 });
  answer.resolve();
  const sink = await asked;
  assert.deepEqual([sink.head?.status, upstream.requests.length], [200, 1]);
});

test("a streamed request without a first byte goes to one other account, and no further", async (t) => {
  const time = createManualTime();
  const limits = limited({ firstByteTimeoutMs: 20_000 }, time);
  const { upstream, ask } = await startPipeline(t, ["a", "b", "c"], limits);
  for (const id of ["a", "b"]) upstream.queue(`key-of-${id}`, { hang: true });
  const asked = ask("/v1/messages", memorySource(body(true)));
  for (const sent of [1, 2]) await passAfter(upstream, sent, { ...time, ms: 20_000 });
  const sink = await asked;
  assert.deepEqual([sink.head?.status, upstream.requests.length], [504, 2]);
  assert.match(sink.text, /upstream\.first_byte_timeout_seconds/);
});

test("an account at its limit does not count as that one other account", async (t) => {
  const time = createManualTime();
  const limits = limited({ firstByteTimeoutMs: 20_000 }, time);
  const { upstream, ask } = await startPipeline(t, ["a", "b", "c"], limits);
  upstream.queue("key-of-a", { hang: true });
  upstream.queue("key-of-b", claudeFailures.bucketEmpty(90));
  const asked = ask("/v1/messages", memorySource(body(true)));
  await passAfter(upstream, 1, { ...time, ms: 20_000 });
  const sink = await asked;
  assert.deepEqual([sink.head?.status, upstream.requests.length], [200, 3]);
});

test("a free request that gets no answer in time goes on to the next account", async (t) => {
  const time = createManualTime();
  const limits = limited({ firstByteTimeoutMs: 20_000 }, time);
  const { upstream, ask } = await startPipeline(t, ["a", "b", "c"], limits);
  for (const id of ["a", "b"]) upstream.queue(`key-of-${id}`, { hang: true });
  const asked = ask("/v1/messages/count_tokens", memorySource(body(false)));
  for (const sent of [1, 2]) await passAfter(upstream, sent, { ...time, ms: 20_000 });
  assert.equal((await asked).head?.status, 200);
});

test("an unstreamed request whose connection never came about goes to the next account", async (t) => {
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(0, "127.0.0.1", resolve));
  const address = dead.address();
  assert.ok(address !== null && typeof address === "object");
  await new Promise((resolve) => dead.close(resolve));
  const { ask, deps, upstream } = await startPipeline(t, ["a", "b"]);
  deps.pool.account("a")!.config.apiUrl = `http://127.0.0.1:${address.port}`;
  const sink = await ask("/v1/messages", memorySource(body(false)));
  assert.deepEqual([sink.head?.status, upstream.requests.length], [200, 1]);
});
