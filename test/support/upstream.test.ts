// The scripted upstream is itself checked, since the tests of the relay believe what it says it served.

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { noTokens } from "../../src/usage/observer.ts";
import { compress, decompress } from "./answer-writer.ts";
import { claudeErrorEvent, claudeFailures } from "./claude-script.ts";
import { begin, open, send, sendRaw, sseData } from "./client.ts";
import { geminiFailures } from "./gemini-script.ts";
import { openaiFailures } from "./openai-script.ts";
import { type ScriptedUpstream, startUpstream } from "./upstream.ts";

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await startUpstream();
});
beforeEach(() => upstream.reset());
after(() => upstream.close());

const claude = (body: object = {}, key = "key-a") => ({
  path: "/v1/messages?beta=true",
  headers: ["x-api-key", key, "anthropic-version", "2023-06-01"],
  body: { model: "claude-sonnet-5-5", max_tokens: 5, messages: [{ role: "user", content: "hi" }], ...body },
});
const gemini = (action: string, body: object = {}) => ({
  path: `/v1beta/models/gemini-2.5-pro:${action}`,
  headers: ["x-goog-api-key", "key-g"],
  body: { contents: [{ role: "user", parts: [{ text: "hi" }] }], ...body },
});
const openai = (body: object = {}) => ({
  path: "/v1/responses",
  headers: ["authorization", "Bearer key-o"],
  body: { model: "gpt-5", input: "hi", ...body },
});

test("a streamed Claude answer is well formed and its tokens are remembered", async () => {
  const usage = { input: 11, output: 22, cacheWrite5m: 3, cacheWrite1h: 4, cacheRead: 5, reasoning: 6 };
  upstream.queue("key-a", { usage, pings: 2, events: 2, content: "grüße" });
  const answer = await send(upstream.url, claude({ stream: true }));
  assert.equal(answer.status, 200);
  assert.equal(answer.end, "clean");
  const types = sseData(answer.text).map((event) => (event as { type: string }).type);
  assert.deepEqual(types, [
    "ping",
    "ping",
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  assert.deepEqual(upstream.total(), usage);
  assert.equal(upstream.served[0]?.outcome, "complete");
});

test("an answer cut after its first event counts that event's figures only", async () => {
  for (const how of ["rst", "fin"] as const) {
    upstream.reset();
    upstream.queue("key-a", { usage: { input: 9, output: 70 }, cut: { afterEvents: 1, how } });
    const answer = await send(upstream.url, claude({ stream: true }));
    assert.equal(answer.end, "cut");
    assert.equal(sseData(answer.text).length, 1);
    assert.equal(upstream.total().output, 1);
    assert.equal(upstream.total().input, 9);
    assert.equal(upstream.served[0]?.outcome, "cut");
  }
});

test("a clean end without the terminal event is no complete answer", async () => {
  upstream.queue("key-a", { cut: { afterEvents: 3, how: "clean" } });
  const answer = await send(upstream.url, claude({ stream: true }));
  assert.equal(answer.end, "clean");
  assert.equal(upstream.served[0]?.outcome, "cut");
});

test("a client that leaves is recorded with the tokens it had been sent", async () => {
  upstream.queue("key-a", {
    usage: { input: 8, output: 70 },
    gate: (event) => (event === 1 ? new Promise(() => {}) : 0),
  });
  const answer = await open(upstream.url, claude({ stream: true }));
  await answer.readUntil("message_start");
  answer.abort();
  await upstream.requests[0]?.closed;
  assert.equal(upstream.requests[0]?.aborted, true);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    { outcome: upstream.served[0]?.outcome, output: upstream.total().output, input: upstream.total().input },
    { outcome: "aborted", output: 1, input: 8 },
  );
});

test("every chunking and coding yields the same bytes", async () => {
  upstream.on("key-a", { content: "grüße 你好 👋", usage: { ...noTokens, input: 1, output: 2 } });
  const message = (text: string) => text.replaceAll(/msg_script\d+/g, "msg");
  const plain = message((await send(upstream.url, claude({ stream: true }))).text);
  for (const chunking of ["byte", "merged", "utf8"] as const) {
    upstream.queue("key-a", {
      content: "grüße 你好 👋",
      usage: { ...noTokens, input: 1, output: 2 },
      chunking,
    });
    assert.equal(message((await send(upstream.url, claude({ stream: true }))).text), plain, chunking);
  }
  for (const encoding of ["gzip", "br", "zstd", "deflate"] as const) {
    upstream.queue("key-a", {
      content: "grüße 你好 👋",
      usage: { ...noTokens, input: 1, output: 2 },
      encoding,
    });
    const answer = await send(upstream.url, claude({ stream: true }));
    assert.equal(answer.header("content-encoding"), encoding);
    assert.equal(message((await decompress(answer.body, encoding)).toString()), plain, encoding);
  }
  assert.equal(upstream.total().output, 2 * 8);
});

test("Gemini streams as events and as a JSON array with the same figures", async () => {
  const usage = { ...noTokens, input: 30, output: 50, cacheRead: 7, reasoning: 20 };
  upstream.on("key-g", { usage });
  const sse = await send(upstream.url, {
    ...gemini("streamGenerateContent"),
    path: `${gemini("streamGenerateContent").path}?alt=sse`,
  });
  const array = await send(upstream.url, gemini("streamGenerateContent"));
  const whole = await send(upstream.url, gemini("generateContent"));
  assert.equal(sseData(sse.text).length, 3);
  assert.equal((array.json() as unknown[]).length, 3);
  assert.deepEqual(Object.keys(whole.json() as object), [
    "candidates",
    "usageMetadata",
    "modelVersion",
    "responseId",
  ]);
  assert.deepEqual(
    upstream.served.map((served) => served.usage),
    [usage, usage, usage],
  );
  assert.deepEqual(
    upstream.served.map((served) => served.outcome),
    ["complete", "complete", "complete"],
  );
});

test("Code Assist answers in envelopes and names a project per token", async () => {
  const headers = ["authorization", "Bearer token-1"];
  const loaded = await send(upstream.url, { path: "/v1internal:loadCodeAssist", headers, body: {} });
  assert.equal(
    (loaded.json() as { cloudaicompanionProject: string }).cloudaicompanionProject,
    "project-of-token-1",
  );
  const body = { model: "gemini-2.5-pro", project: "p", request: { contents: [] } };
  const answer = await send(upstream.url, {
    path: "/v1internal:streamGenerateContent?alt=sse",
    headers,
    body,
  });
  assert.ok(sseData(answer.text).every((event) => "response" in (event as object)));
  assert.equal(upstream.served[0]?.outcome, "complete");
});

test("OpenAI Responses streams to its terminal event", async () => {
  upstream.queue("key-o", {
    usage: { ...noTokens, input: 4, output: 9, cacheRead: 2, cacheWrite5m: 1, cacheWrite1h: 2 },
  });
  const answer = await send(upstream.url, openai({ stream: true }));
  assert.equal((sseData(answer.text).at(-1) as { type: string }).type, "response.completed");
  assert.deepEqual(upstream.total(), { ...noTokens, input: 4, output: 9, cacheRead: 2, cacheWrite5m: 3 });
  const whole = await send(upstream.url, openai());
  assert.equal((whole.json() as { object: string }).object, "response");
  assert.equal(upstream.served[1]?.outcome, "complete");
});

test("errors come with status, headers and body, and cost nothing", async () => {
  upstream.queue("key-a", claudeFailures.windowRejected("5h", Date.now() + 60_000));
  const limited = await send(upstream.url, claude({ stream: true }));
  assert.equal(limited.status, 429);
  assert.equal(limited.header("anthropic-ratelimit-unified-5h-status"), "rejected");
  assert.equal((limited.json() as { error: { type: string } }).error.type, "rate_limit_error");
  upstream.queue("key-g", geminiFailures.perMinute());
  const array = await send(upstream.url, gemini("streamGenerateContent"));
  assert.ok(Array.isArray(array.json()));
  upstream.queue("key-o", openaiFailures.usageLimit(1_800_000_000_000));
  const codex = await send(upstream.url, openai({ stream: true }));
  assert.equal((codex.json() as { error: { resets_at: number } }).error.resets_at, 1_800_000_000);
  assert.equal(upstream.served.length, 0);
});

test("an error can be the first event or come later", async () => {
  upstream.queue(
    "key-a",
    { firstEvent: claudeErrorEvent("overloaded_error") },
    {
      errorAfter: { events: 2, event: claudeErrorEvent("api_error") },
    },
  );
  const first = await send(upstream.url, claude({ stream: true }));
  assert.deepEqual(sseData(first.text), [claudeErrorEvent("overloaded_error")]);
  const later = await send(upstream.url, claude({ stream: true }));
  assert.equal(sseData(later.text).length, 3);
  assert.deepEqual(
    upstream.served.map((served) => served.outcome),
    ["error", "error"],
  );
});

test("a connection can break before the body, before the headers, or never answer", async () => {
  for (const when of ["before-body", "before-headers"] as const) {
    for (const how of ["rst", "fin"] as const) {
      upstream.queue("key-a", { breakOff: { when, how } });
      await assert.rejects(send(upstream.url, claude()));
    }
  }
  upstream.queue("key-a", { hang: true });
  const request = begin(upstream.url, claude());
  await upstream.received(5);
  request.abort();
  await assert.rejects(request.answer);
  await upstream.requests[4]?.closed;
});

test("a huge event and a reader that stops make the upstream stop too", async () => {
  upstream.queue("key-a", { hugeEventBytes: 20_000_000 });
  const answer = await open(upstream.url, claude({ stream: true }));
  await answer.read();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const sent = upstream.requests[0]?.bytesSent ?? 0;
  assert.ok(sent < 20_000_000, `sent ${sent}`);
  const rest = await answer.finish();
  assert.ok(rest.body.length > 20_000_000);
  assert.equal(rest.end, "clean");
});

test("a kept-alive connection can be closed unannounced, or broken at its next request", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  upstream.queue("key-a", {}, { closeAfter: true });
  for (let count = 0; count < 2; count++) await send(upstream.url, { ...claude(), agent });
  while (upstream.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  await send(upstream.url, { ...claude(), agent });
  assert.deepEqual(
    upstream.requests.map((request) => request.useOfConnection),
    [1, 2, 1],
  );
  upstream.queue({ keptAlive: true }, { breakOff: { when: "before-body", how: "rst" } });
  await assert.rejects(send(upstream.url, { ...claude(), agent }));
  await send(upstream.url, { ...claude(), agent });
  agent.destroy();
});

test("requests are recorded raw, compressed bodies are read, malformed requests get through", async () => {
  const body = Buffer.from(JSON.stringify({ model: "gpt-5", input: "hi" }));
  const packed = compress(body, "zstd");
  await send(upstream.url, {
    path: "/v1/responses",
    headers: ["Authorization", "Bearer key-o", "Content-Encoding", "zstd", "X-Odd", "1", "x-odd", "2"],
    body: packed,
  });
  const recorded = upstream.requests[0];
  assert.deepEqual(recorded?.body, packed);
  assert.equal(recorded?.model, "gpt-5");
  assert.deepEqual(recorded?.rawHeaders.slice(6, 10), ["X-Odd", "1", "x-odd", "2"]);
  const raw = await sendRaw(upstream.port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(raw.toString(), /^HTTP\/1\.1 404 /);
});
