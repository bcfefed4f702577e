// What is held of an answer goes out as the client takes it, and nothing piles up meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Sink } from "../../src/relay/answer.ts";
import { HeldAnswer } from "../../src/relay/held-answer.ts";
import type { AnswerObserver } from "../../src/usage/observer.ts";
import { createManualTime } from "../support/manual-time.ts";
import { silentObserver } from "../support/silent-observer.ts";

const pieceBytes = 100_000;
const pieces = 5;

/** An answer of which some pieces have come, and what its connection was asked for. */
function holding(observer?: AnswerObserver) {
  const asked: string[] = [];
  let heldBytes = 0;
  const answer = new HeldAnswer({
    timers: createManualTime().timers,
    idleMs: 60_000,
    onIdle() {},
    onDiscard() {},
    onShort() {},
    memory: {
      hold(bytes) {
        heldBytes = bytes;
        return undefined;
      },
      release() {},
    },
  });
  answer.connect({
    abort: () => void asked.push("abort"),
    pause: () => void asked.push("pause"),
    resume: () => void asked.push("resume"),
  } as unknown as Parameters<HeldAnswer["connect"]>[0]);
  answer.begin({ status: 200, headers: {} }, [], 0);
  answer.observer = observer;
  for (let index = 0; index < pieces; index++) answer.take(Buffer.alloc(pieceBytes, String(index)));
  return { answer, asked, heldBytes: () => heldBytes };
}

/** A client that takes one piece, and the next one when it is asked to. */
function slowSink(answer: HeldAnswer): Sink & { taken: string } {
  return {
    taken: "",
    data(chunk) {
      this.taken += chunk.toString("latin1", 0, 1);
      answer.pause();
    },
    end(last) {
      this.taken += `${last ? "last" : ""}.`;
    },
    broken() {
      this.taken += "!";
    },
  };
}

test("what was held goes out as the client takes it, and what is left stays counted", async () => {
  const { answer, heldBytes } = holding();
  assert.equal(heldBytes(), pieces * pieceBytes);
  answer.isWhole = true;
  const sink = slowSink(answer);
  answer.pipe(sink);
  for (const [turn, taken] of ["0", "01", "012", "0123", "01234."].entries()) {
    assert.equal(sink.taken, taken);
    assert.equal(heldBytes(), (pieces - turn - 1) * pieceBytes);
    answer.resume();
    await nextTurn();
  }
  answer.finish();
  assert.equal(sink.taken, "01234.");
});

test("what comes while something is held goes out behind it", async () => {
  const { answer, asked } = holding();
  const sink = slowSink(answer);
  answer.pipe(sink);
  answer.take(Buffer.from("x"));
  assert.equal(sink.taken, "0");
  for (let turn = 0; turn < pieces; turn++) {
    answer.resume();
    await nextTurn();
  }
  assert.equal(sink.taken, "01234x");
  assert.ok(!asked.includes("resume"));
  answer.resume();
  await nextTurn();
  assert.ok(asked.includes("resume"));
});

test("an answer that breaks off hands over first what it holds", () => {
  const { answer } = holding();
  const sink = slowSink(answer);
  answer.pipe(sink);
  answer.breakOff(new Error("reset"));
  assert.equal(sink.taken, "01234!");
});

test("a provider waits while what it sent is still being decoded", async () => {
  const { promise: decoded, resolve: decode } = Promise.withResolvers<void>();
  const observer = silentObserver({ settled: () => decoded, isBehind: true });
  const { answer, asked } = holding(observer);
  answer.pipe({ data() {}, end() {}, broken() {} });
  await nextTurn();
  assert.deepEqual(new Set(asked), new Set(["pause"]));
  decode();
  await nextTurn();
  await nextTurn();
  assert.equal(asked.at(-1), "resume");
});
