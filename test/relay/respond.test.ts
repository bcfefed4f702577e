// What is recorded of an answer whose client leaves.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import type { Answer } from "../../src/relay/attempt.ts";
import { respond } from "../../src/relay/respond.ts";
import type { Outcome } from "../../src/store/store.ts";
import { type AnswerObserver, noTokens } from "../../src/usage/observer.ts";

test("what had come of a compressed answer when its client left is decoded before it is recorded", async () => {
  const { promise: decoded, resolve: decode } = Promise.withResolvers<void>();
  const observer: AnswerObserver = {
    push() {},
    end() {},
    settled: () => decoded,
    opening: { kind: "content" },
    complete: false,
    unclosed: false,
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
  const responded = respond({
    response: Object.assign(new EventEmitter(), { writeHead() {} }) as unknown as ServerResponse,
    status: 200,
    headers: [],
    answer,
    transform: undefined,
    signal: client.signal,
    needsTerminalEvent: true,
    record: async (outcome) => void recorded.push(outcome),
  });
  client.abort(new Error("the client has left"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(recorded, []);
  decode();
  await responded;
  assert.deepEqual(recorded, ["aborted"]);
});
