// server.memory_mb: bodies of all requests together, also what small ones unfold to.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import { begin, send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";

const mebi = 1024 * 1024;

function setUp(t: TestContext, { memoryMb, maxWaitMs = 10_000 }: { memoryMb: number; maxWaitMs?: number }) {
  return setStage(t, {
    configure: (config) => ({
      ...config,
      server: { ...config.server, memoryBytes: memoryMb * mebi },
      session: { ...config.session, maxWaitMs },
    }),
  });
}

const json = ["content-type", "application/json"];
const bodyOf = (bytes: number) =>
  Buffer.from(`{"model":"claude-opus-5-5","x":"${"x".repeat(bytes)}","messages":[],"max_tokens":1}`);

test("twenty decompression bombs at once stay inside the budget, and ordinary requests pass", async (t) => {
  const { relay } = await setUp(t, { memoryMb: 32, maxWaitMs: 200 });
  const bomb = Buffer.alloc(40 * mebi);
  const bombs = [
    ["gzip", gzipSync(bomb)],
    ["br", brotliCompressSync(bomb, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
    ["zstd", zstdCompressSync(bomb)],
  ] as const;
  let peak = process.memoryUsage().rss;
  const before = peak;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5);
  t.after(() => clearInterval(watch));
  const all = Array.from({ length: 20 }, (_, index) => {
    const [coding, body] = bombs[index % bombs.length]!;
    return send(relay.url, { path: "/v1/messages", headers: [...json, "content-encoding", coding], body });
  });
  const ordinary = await send(relay.url, { path: "/v1/messages", headers: json, body: bodyOf(1000) });
  assert.equal(ordinary.status, 200);
  const answers = await Promise.all(all);
  for (const { status } of answers) assert.ok(status === 413 || status === 503, String(status));
  const refused = answers.find(({ status }) => status === 413);
  assert.match(refused?.text ?? "", /needs more memory than the 32 MB of server\.memory_mb/);
  const grownMb = Math.round((peak - before) / mebi);
  t.diagnostic(`grew by ${grownMb} MiB`);
  // Upstream, clients, and what the C library keeps of windows for each of the four threads are in the same process; all bombs together are 800 MB.
  assert.ok(grownMb < 250, `${grownMb} MiB`);
});

test("requests that need more than their body takes are served one after another, and none is in the way of the next", async (t) => {
  const { relay } = await setUp(t, { memoryMb: 8 });
  const text = randomBytes(mebi / 2).toString("base64");
  const messages = [{ role: "user", content: text }];
  const body = Buffer.from(JSON.stringify({ model: "claude-opus-5-5", max_tokens: 9, messages }));
  const coded = { headers: [...json, "content-encoding", "zstd"], body: zstdCompressSync(body) };
  const requests = [
    { path: "/v1/messages", ...coded },
    { path: "/v1/chat/completions", headers: json, body },
    { path: "/v1/chat/completions", ...coded },
  ];
  for (const request of requests) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(relay.url, request)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      answers.map(() => 200),
      answers.find(({ status }) => status !== 200)?.text,
    );
  }
});

test("above the budget a request waits, and then hears when to come back", async (t) => {
  const { relay, upstream } = await setUp(t, { memoryMb: 4, maxWaitMs: 50 });
  const half = begin(relay.url, {
    method: "POST",
    path: "/v1/messages",
    headers: [...json, "content-length", String(3 * mebi)],
    chunks: [Buffer.alloc(1000)],
  });
  t.after(() => half.abort());
  await send(relay.url, { path: "/health" });
  const refused = await send(relay.url, { path: "/v1/messages", headers: json, body: bodyOf(2 * mebi) });
  assert.deepEqual([refused.status, refused.header("x-cc-relay-error")], [503, "memory_exhausted"]);
  assert.equal(refused.header("retry-after"), "5");
  assert.match(refused.text, /server\.memory_mb/);
  const small = await send(relay.url, { path: "/v1/messages", headers: json, body: bodyOf(1000) });
  assert.equal(small.status, 200);
  assert.equal(upstream.requests.length, 1);
  half.abort();
});

test("what one request alone cannot have is 413, and names the setting", async (t) => {
  const { relay } = await setUp(t, { memoryMb: 1 });
  const answer = await send(relay.url, { path: "/v1/messages", headers: json, body: bodyOf(2 * mebi) });
  assert.equal(answer.status, 413);
  assert.match(answer.text, /server\.memory_mb/);
});

test("what was taken is given back, whatever became of the request", async (t) => {
  const { relay } = await setUp(t, { memoryMb: 2, maxWaitMs: 0 });
  for (let n = 0; n < 5; n++) {
    for (const body of [bodyOf(mebi), Buffer.alloc(mebi, "{")])
      await send(relay.url, { path: "/v1/messages", headers: json, body });
    await send(relay.url, {
      path: "/v1/chat/completions",
      headers: json,
      body: `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"${"x".repeat(700_000)}"}]}`,
    });
  }
  const last = await send(relay.url, { path: "/v1/messages", headers: json, body: bodyOf(1.5 * mebi) });
  assert.equal(last.status, 200);
});
