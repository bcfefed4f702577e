// One attempt against a dispatcher that is played by hand: what is held, who is paused, what a decision waits for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Dispatcher } from "undici";
import type { Call } from "../../src/domain/call.ts";
import type { Answer, Sink } from "../../src/relay/answer.ts";
import { attempt } from "../../src/relay/attempt.ts";
import { createMemoryBudget } from "../../src/relay/memory-budget.ts";
import type { MemoryShare } from "../../src/relay/memory-share.ts";
import { systemTimers, type Timers } from "../../src/time/timers.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import type { AnswerObserver } from "../../src/usage/observer.ts";
import { createManualTime } from "../support/manual-time.ts";
import { silentObserver } from "../support/silent-observer.ts";

const event = (type: string) => Buffer.from(`event: ${type}\ndata: {"type":"${type}"}\n\n`);

/** An upstream's end of one exchange. */
function playedUpstream() {
  let handler: Dispatcher.DispatchHandler;
  const controller = {
    paused: false,
    aborted: false,
    reason: null,
    rawHeaders: ["Content-Type", "text/event-stream"],
    pause() {
      this.paused = true;
    },
    resume() {
      this.paused = false;
    },
    abort() {
      this.aborted = true;
    },
  };
  const dispatcher = {
    dispatch(_: unknown, given: Dispatcher.DispatchHandler) {
      handler = given;
      handler.onRequestStart?.(controller as unknown as Dispatcher.DispatchController, undefined);
      return true;
    },
  } as unknown as Dispatcher;
  const asController = controller as unknown as Dispatcher.DispatchController;
  return {
    controller,
    dispatcher,
    head: (status = 200, headers: Record<string, string> = { "content-type": "text/event-stream" }) =>
      handler.onResponseStart?.(asController, status, headers, "OK"),
    data: (chunk: Buffer) => handler.onResponseData?.(asController, chunk),
    end: () => handler.onResponseEnd?.(asController, {}),
    fail: (error: Error) => handler.onResponseError?.(asController, error),
  };
}

interface Played {
  timers?: Timers;
  signal?: AbortSignal;
  /** In place of the one that reads Claude's usage. */
  observer?: AnswerObserver;
  onObserverError?: (error: unknown) => void;
  memory?: MemoryShare;
}

function begin({
  signal = new AbortController().signal,
  observer,
  onObserverError,
  timers = systemTimers,
  memory,
}: Played = {}) {
  const upstream = playedUpstream();
  const result = attempt({
    dispatcher: upstream.dispatcher,
    request: {
      origin: "http://127.0.0.1:1",
      path: "/v1/messages",
      method: "POST",
      headers: [],
      body: undefined,
    },
    upstream: { ...accountKinds["claude-api"].upstream, ...(observer && { observe: () => observer }) },
    call: { operation: "generate", stream: true, streamForm: "sse", family: "claude" } as Call,
    timeouts: { firstByteMs: 1000, idleMs: 1000 },
    ...{ signal, memory, timers },
    now: () => 0,
    onObserverError: onObserverError ?? assert.ifError,
  });
  return { upstream, result };
}

async function goodAnswer(): Promise<{ upstream: ReturnType<typeof playedUpstream>; answer: Answer }> {
  const { upstream, result } = begin();
  upstream.head();
  upstream.data(event("message_start"));
  const settled = await result;
  assert.ok(settled.ok);
  return { upstream, answer: settled.answer };
}

function collect(onData: (chunk: Buffer) => void = () => {}): Sink & { said: string[] } {
  const said: string[] = [];
  return {
    said,
    data(chunk) {
      said.push(chunk.toString());
      onData(chunk);
    },
    end: (last) => void said.push(last === undefined ? "end" : `end with ${last}`),
    broken: (cause) => void said.push(`broken: ${cause.message}`),
  };
}

test("the provider is stopped from the decision until somebody takes the answer", async () => {
  const { upstream, answer } = await goodAnswer();
  assert.equal(upstream.controller.paused, true);
  answer.pipe(collect());
  await nextTurn();
  assert.equal(upstream.controller.paused, false);
  answer.discard();
});

test("a sink that cannot take even what was held keeps the provider stopped", async () => {
  const { upstream, answer } = await goodAnswer();
  answer.pipe(collect(() => answer.pause()));
  await nextTurn();
  assert.equal(upstream.controller.paused, true);
  answer.resume();
  await nextTurn();
  assert.equal(upstream.controller.paused, false);
  answer.discard();
});

test("what came while nobody had taken the answer is handed over in order, its break included", async () => {
  const { upstream, answer } = await goodAnswer();
  upstream.data(Buffer.from("more"));
  upstream.fail(new Error("reset"));
  const sink = collect();
  answer.pipe(sink);
  assert.deepEqual(sink.said, [event("message_start").toString(), "more", "broken: reset"]);
});

/** Reads Claude's answers as ever, but each piece only when a test says so. */
function slowObserver(): { observer: AnswerObserver; readNext(): Promise<void> } {
  const inner = accountKinds["claude-api"].upstream.observe({
    operation: "generate",
    stream: true,
    streamForm: "sse",
    family: "claude",
  } as Call);
  const waiting: (() => void)[] = [];
  let last = Promise.resolve();
  const later = (work: () => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push(resolve);
    last = last.then(() => promise).then(work);
  };
  const observer: AnswerObserver = Object.create(inner, {
    push: { value: (chunk: Buffer) => later(() => inner.push(chunk)) },
    end: { value: () => later(() => inner.end()) },
    settled: { value: () => last },
  });
  for (const name of [
    "opening",
    "form",
    "complete",
    "isTruncated",
    "unreadable",
    "lateError",
    "heldBytes",
  ] as const)
    Object.defineProperty(observer, name, { get: () => inner[name] });
  return {
    observer,
    async readNext() {
      waiting.shift()?.();
      await nextTurn();
    },
  };
}

test("an end that comes while pieces are still being decoded makes no answer a truncated one", async () => {
  const { observer, readNext } = slowObserver();
  const { upstream, result } = begin({ observer });
  upstream.head();
  upstream.data(event("message_start"));
  upstream.data(event("content_block_start"));
  await readNext();
  upstream.data(event("message_stop"));
  upstream.end();
  await readNext();
  const settled = await result;
  assert.ok(settled.ok);
  const sink = collect();
  settled.answer.pipe(sink);
  await nextTurn();
  assert.equal(sink.said.includes("end"), false);
  await readNext();
  await readNext();
  assert.deepEqual(
    sink.said,
    ["message_start", "content_block_start", "message_stop"]
      .map((type) => event(type).toString())
      .concat("end"),
  );
});

for (const status of [200, 400]) {
  test(`the chunk that makes an announced length whole is handed over with the end, of a ${status} too`, async () => {
    const { timers, advance } = createManualTime();
    const { upstream, result } = begin({ timers });
    upstream.head(status, { "content-type": "application/json", "content-length": "18" });
    upstream.data(Buffer.from('{"type":'));
    // It is piped while it still comes.
    advance(5000);
    const { answer } = await result;
    assert.ok(answer);
    const sink = collect();
    answer.pipe(sink);
    upstream.data(Buffer.from('"message"}'));
    assert.deepEqual(sink.said, ['{"type":']);
    upstream.end();
    assert.deepEqual(sink.said, ['{"type":', 'end with "message"}']);
  });
}

test("a discarded answer frees its connection, and says nothing more", async () => {
  const { upstream, answer } = await goodAnswer();
  answer.discard();
  assert.equal(upstream.controller.aborted, true);
  upstream.fail(new Error("aborted"));
  answer.discard();
});

test("a client that leaves before the request is sent sends none", async () => {
  const left = new AbortController();
  left.abort(new Error("gone"));
  const { result } = begin({ signal: left.signal });
  assert.deepEqual(await result, { ok: false, failure: { kind: "aborted" }, answer: undefined });
});

test("a client that leaves while the answer is held closes the request and blames nobody", async () => {
  const left = new AbortController();
  const { upstream, result } = begin({ signal: left.signal });
  upstream.head();
  upstream.data(event("ping"));
  left.abort(new Error("gone"));
  assert.deepEqual(await result, { ok: false, failure: { kind: "aborted" }, answer: undefined });
  assert.equal(upstream.controller.aborted, true);
});

test("no more than a megabyte is held, whatever comes", async () => {
  const { upstream, result } = begin();
  upstream.head();
  for (let sent = 0; sent < 20 && !upstream.controller.paused; sent++)
    upstream.data(Buffer.from(`:${"x".repeat(100_000)}\n\n`));
  const settled = await result;
  assert.ok(settled.ok);
  const held = settled.answer.held.reduce((sum, chunk) => sum + chunk.length, 0);
  assert.ok(held >= 1_000_000 && held < 1_200_000, `${held} bytes`);
  settled.answer.discard();
});

test("an answer that is decided goes on though there is no memory for it when it is taken", async () => {
  const time = createManualTime();
  const budget = createMemoryBudget(() => ({ maxBytes: 1024 * 1024, maxWaitMs: 5000 }), time.timers);
  budget.open(new AbortController().signal).grow(1024 * 1024);
  const memory = budget.openGrowing(new AbortController().signal);
  const errors: unknown[] = [];
  const onObserverError = (error: unknown) => errors.push(error);
  const { upstream, result } = begin({ timers: time.timers, memory, onObserverError });
  upstream.head(200, { "content-type": "application/json" });
  const opening = `{"type":"message","content":["${"x".repeat(100_000)}`;
  upstream.data(Buffer.from(opening));
  // The hold-back ends, and so does the wait for memory.
  time.advance(5000);
  const settled = await result;
  assert.ok(settled.ok);
  await nextTurn();
  const sink = collect();
  settled.answer.pipe(sink);
  upstream.data(Buffer.from('"]}'));
  upstream.end();
  assert.deepEqual(sink.said, [opening, '"]}', "end"]);
  assert.deepEqual(errors.map(String), [
    "RelayError: Other bodies take all 1 MB of server.memory_mb, and none is left for this answer; please retry your request in a moment, or raise that in config.toml.",
  ]);
});

test("an observer that fails is reported once and asked no more, and the answer goes on", async () => {
  const errors: unknown[] = [];
  const fault = new Error("cannot read this");
  const observer = silentObserver({
    push() {
      throw fault;
    },
    end() {
      throw fault;
    },
  });
  const { timers, advance } = createManualTime();
  const onObserverError = (error: unknown) => errors.push(error);
  const { upstream, result } = begin({ observer, onObserverError, timers });
  upstream.head();
  upstream.data(event("message_start"));
  advance(5000);
  const settled = await result;
  assert.ok(settled.ok);
  const sink = collect();
  settled.answer.pipe(sink);
  upstream.data(event("message_stop"));
  upstream.end();
  assert.deepEqual(errors, [fault]);
  assert.deepEqual(sink.said, [event("message_start").toString(), event("message_stop").toString(), "end"]);
});

test("empty pieces are no part of an answer: they are not held, not handed over and not observed", async () => {
  const { upstream, answer } = await goodAnswer();
  upstream.data(Buffer.alloc(0));
  const sink = collect();
  answer.pipe(sink);
  upstream.data(Buffer.alloc(0));
  upstream.data(event("message_stop"));
  upstream.end();
  assert.deepEqual(sink.said, [event("message_start").toString(), event("message_stop").toString(), "end"]);
});

test("a sink that pauses and resumes for every piece lets the event loop turn between two of them", async () => {
  const { upstream, answer } = await goodAnswer();
  let resumed = 0;
  // What undici does: a resumed parser hands out what it has right away.
  upstream.controller.resume = () => {
    resumed += 1;
    if (resumed < 5) upstream.data(Buffer.from(`piece ${resumed}`));
  };
  let hasTurned = false;
  const turns: boolean[] = [];
  const sink = collect(() => {
    answer.pause();
    turns.push(hasTurned);
    hasTurned = false;
    setImmediate(() => (hasTurned = true));
    void Promise.resolve().then(() => answer.resume());
  });
  answer.pipe(sink);
  while (resumed < 5) await nextTurn();
  answer.discard();
  assert.equal(sink.said.length, 5);
  assert.deepEqual(turns, [false, true, true, true, true]);
});

test("a resume that is taken back before its turn resumes nothing", async () => {
  const { upstream, answer } = await goodAnswer();
  answer.pipe(collect());
  answer.pause();
  await nextTurn();
  assert.equal(upstream.controller.paused, true);
  answer.discard();
});
