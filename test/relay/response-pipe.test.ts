// How an answer goes to its client, and what is recorded of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Sink } from "../../src/relay/answer.ts";
import { sendAnswer } from "../../src/relay/response-pipe.ts";
import type { Outcome } from "../../src/store/usage-store.ts";
import type { AnswerObserver } from "../../src/usage/observer.ts";
import { type MemorySink, memorySink } from "../support/memory-client.ts";
import { silentObserver } from "../support/silent-observer.ts";
import { until } from "../support/until.ts";

test("what had come of a compressed answer when its client left is decoded before it is recorded", async () => {
  const { promise: decoded, resolve: decode } = Promise.withResolvers<void>();
  const observer = silentObserver({ settled: () => decoded });
  const answer: Answer = {
    head: { status: 200, headers: {} },
    rawHeaders: [],
    observer,
    headAt: 0,
    held: [Buffer.from("data: {}\n\n")],
    isWhole: false,
    isTruncated: false,
    pipe() {},
    pause() {},
    resume() {},
    discard() {},
  };
  const client = new AbortController();
  const recorded: Outcome[] = [];
  const responded = sendAnswer({
    sink: memorySink(),
    head: { status: 200, headers: [] },
    answer,
    transform: undefined,
    signal: client.signal,
    breaksOffAfterError: false,
    record: async (outcome) => void recorded.push(outcome),
  });
  client.abort(new Error("the client has left"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(recorded, []);
  decode();
  await responded;
  assert.deepEqual(recorded, ["aborted"]);
});

/** An answer that is handed over by hand. */
function scripted(complete = false): Answer & { sink: Sink | undefined } {
  const observer = silentObserver({ complete });
  return {
    head: { status: 200, headers: {} },
    rawHeaders: [],
    observer,
    headAt: 0,
    held: [],
    isWhole: false,
    isTruncated: false,
    sink: undefined,
    pipe(sink) {
      this.sink = sink;
    },
    pause() {},
    resume() {},
    discard() {},
  };
}

const rewriting = { headers: [], push: () => Buffer.alloc(0), fail: () => Buffer.from("error") };

function sendTo(sink: MemorySink, answer: Answer, end: () => Buffer) {
  const recorded: Outcome[] = [];
  const sent = sendAnswer({
    sink,
    head: { status: 200, headers: [] },
    answer,
    transform: { ...rewriting, end },
    signal: new AbortController().signal,
    breaksOffAfterError: true,
    record: async (outcome) => void recorded.push(outcome),
  });
  return { sent, recorded };
}

test("a whole answer whose provider hangs up behind it is rewritten to its end", async () => {
  const sink = memorySink();
  const answer = scripted(true);
  const { sent } = sendTo(sink, answer, () => Buffer.from("all of it"));
  answer.sink?.data(Buffer.from("{}"));
  answer.sink?.broken(new Error("reset"));
  await sent;
  assert.deepEqual([sink.text, sink.ending], ["all of it", "clean"]);
});

test("an answer whose last bytes cannot be made is truncated, though its provider's was whole", async () => {
  const sink = memorySink();
  const answer = scripted(true);
  const { sent, recorded } = sendTo(sink, answer, () => {
    throw new Error("it cannot be read");
  });
  answer.sink?.data(Buffer.from("{}"));
  answer.sink?.end();
  await sent;
  assert.deepEqual([sink.text, sink.ending], ["error", "error"]);
  assert.equal(recorded.at(-1), "truncated");
});

/** An answer whose observer sees what came only when `decode` is called. */
function codedAnswer() {
  const { promise: settled, resolve: decode } = Promise.withResolvers<void>();
  let complete = false;
  const base = scripted();
  const observer: AnswerObserver = {
    ...base.observer!,
    settled: () => settled,
    get complete() {
      return complete;
    },
  };
  return {
    answer: Object.assign(base, { observer }),
    decode() {
      complete = true;
      decode();
    },
  };
}

function sendCoded(answer: Answer, signal = new AbortController().signal) {
  const sink = memorySink();
  const recorded: Outcome[] = [];
  const sent = sendAnswer({
    sink,
    head: { status: 200, headers: [] },
    answer,
    transform: undefined,
    signal,
    breaksOffAfterError: false,
    record: async (outcome) => void recorded.push(outcome),
  });
  return { sink, recorded, sent };
}

test("a slow observer of a compressed answer delays its end, and no bytes before it", async () => {
  const { answer, decode } = codedAnswer();
  const { sink, recorded, sent } = sendCoded(answer);
  for (const piece of ["one ", "two ", "three"]) {
    answer.sink?.data(Buffer.from(piece));
    assert.ok(sink.text.endsWith(piece), "it has gone out at once");
  }
  answer.sink?.end(Buffer.from(", and the last"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([sink.text, sink.ending, recorded], ["one two three", undefined, []]);
  decode();
  await sent;
  assert.deepEqual([sink.text, sink.ending], ["one two three, and the last", "clean"]);
  assert.deepEqual(recorded.at(-1), "complete");
});

for (const [what, end] of [
  ["provider", (answer: { sink: Sink | undefined }) => answer.sink?.broken(new Error("reset"))],
  ["client", (_: unknown, client: AbortController) => client.abort(new Error("the client has left"))],
] as const) {
  test(`an answer that was whole before its ${what} went is recorded as complete, though it was decoded later`, async () => {
    const { answer, decode } = codedAnswer();
    const client = new AbortController();
    const { sink, recorded, sent } = sendCoded(answer, client.signal);
    answer.sink?.data(Buffer.from("all of it"));
    await until("the client to have it", () => sink.text === "all of it");
    end(answer, client);
    decode();
    await sent;
    assert.deepEqual(recorded.at(-1), "complete");
  });
}

test("what a compressed answer reported is written as soon as it is decoded, though its provider does not end", async () => {
  const { answer, decode } = codedAnswer();
  const { recorded, sent } = sendCoded(answer);
  answer.sink?.data(Buffer.from("all of it"));
  decode();
  await until("it is recorded", () => recorded.length > 0);
  assert.deepEqual(recorded, ["complete"]);
  answer.sink?.end();
  await sent;
});

for (const [what, observer] of [
  ["is observed", scripted(true).observer],
  ["nobody observes", undefined],
] as const) {
  test(`the last chunk of an answer that ${what} goes out after its usage is written`, async () => {
    const sink = memorySink();
    const { promise: written, resolve: write } = Promise.withResolvers<void>();
    const answer = Object.assign(scripted(), { observer });
    const sent = sendAnswer({
      sink,
      head: { status: 200, headers: ["content-length", "8"] },
      answer,
      transform: undefined,
      signal: new AbortController().signal,
      breaksOffAfterError: false,
      record: () => written,
    });
    answer.sink?.end(Buffer.from("the last"));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(sink.text, "");
    write();
    await sent;
    assert.deepEqual([sink.text, sink.ending], ["the last", "clean"]);
  });
}
