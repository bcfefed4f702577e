// What is recorded of an answer whose client leaves.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../../src/relay/attempt.ts";
import { sendAnswer } from "../../src/relay/response-pipe.ts";
import type { Outcome } from "../../src/store/store.ts";
import { type AnswerObserver, noTokens } from "../../src/usage/observer.ts";
import { memorySink } from "../support/memory-client.ts";

test("what had come of a compressed answer when its client left is decoded before it is recorded", async () => {
  const { promise: decoded, resolve: decode } = Promise.withResolvers<void>();
  const observer: AnswerObserver = {
    push() {},
    end() {},
    settled: () => decoded,
    opening: { kind: "content" },
    complete: false,
    form: "events",
    isTruncated: false,
    unreadable: undefined,
    lateError: undefined,
    report: { reported: false, tokens: noTokens, model: undefined, tier: undefined, webSearches: 0 },
    ids: [],
    encrypted: undefined,
  };
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
