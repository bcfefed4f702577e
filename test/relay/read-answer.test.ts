// Answers that the relay reads before it says anything: a provider that does not stop costs no memory without end.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Sink } from "../../src/relay/answer.ts";
import { readAnswer } from "../../src/relay/read-answer.ts";
import { send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { cases } from "./cases.ts";

/** An answer that has come up to here, and notes whether it is still wanted. */
function answerOf(chunks: readonly string[], ending?: "end" | "broken") {
  const state = { discarded: false };
  const pipe = (sink: Sink) => {
    for (const chunk of chunks) sink.data(Buffer.from(chunk));
    if (ending === "end") sink.end();
    if (ending === "broken") sink.broken(new Error("cut"));
  };
  const discard = () => {
    state.discarded = true;
  };
  return { state, answer: { pipe, discard } as Partial<Answer> as Answer };
}

const signal = new AbortController().signal;

test("an answer is read to its end, or to where it breaks off", async () => {
  for (const ending of ["end", "broken"] as const) {
    const { answer, state } = answerOf(["ab", "cd"], ending);
    const { body, isWhole } = await readAnswer(answer, { maxBytes: 4, signal });
    assert.deepEqual([String(body), isWhole, state.discarded], ["abcd", ending === "end", false]);
  }
});

test("of an answer beyond the bound, the beginning is read and The rest is not waited for", async () => {
  const { answer, state } = answerOf(["ab", "cd", "ef"]);
  const { body, isWhole } = await readAnswer(answer, { maxBytes: 3, signal });
  assert.deepEqual([String(body), isWhole, state.discarded], ["abc", false, true]);
});

test("reading ends with the signal's reason", async () => {
  const reason = new Error("left");
  const { answer } = answerOf(["ab"]);
  const early = readAnswer(answer, { maxBytes: 4, signal: AbortSignal.abort(reason) });
  await assert.rejects(early, reason);
  const controller = new AbortController();
  const late = readAnswer(answer, { maxBytes: 4, signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(late, reason);
});

test("an error of Chat Completions that goes on and on is read from its beginning", async (t) => {
  const { relay, upstream } = await setStage(t);
  const message = "x".repeat(50_000_000);
  upstream.on("key-of-first", { status: 400, body: { error: { type: "invalid_request_error", message } } });
  const answer = await send(relay.url, cases.chat.request());
  assert.equal(answer.status, 400);
  assert.ok(answer.text.length < 1_000_000);
  const [asked] = upstream.requests;
  await asked!.closed;
  assert.equal(asked!.aborted, true, "all of it was read");
});
