// Rewrites an answer on its way to the client: out of its content coding, into another API or out of an envelope. It is
// settled only when rewriting it has begun well, so that what cannot be rewritten still moves the request to another account.

import type { ReplyHead } from "../account-kinds/upstream.ts";
import { createAnswerDecoder, type HeldMemory } from "../coding/decoded.ts";
import type { Decoder } from "../coding/decoder.ts";
import { asError } from "../domain/errors.ts";
import type { AsyncTransform } from "../sse/transform.ts";
import type { AnswerObserver } from "../usage/observer.ts";
import type { Answer, Sink } from "./answer.ts";
import { createAnswerMemory } from "./answer-memory.ts";
import type { AttemptResult } from "./attempt.ts";
import type { MemoryShare } from "./memory-share.ts";
import { isShortage, truncatedError, unusable } from "./rewrite-failure.ts";

export interface RewriteOptions {
  answer: Answer;
  /** Makes the transform; may throw. */
  transform(head: ReplyHead): AsyncTransform;
  /** Whether the client waits for events: then it gets the head though nothing could be rewritten yet. */
  isStream: boolean;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  /** See AttemptOptions. */
  memory?: MemoryShare | undefined;
}

/** Resolves with the rewritten answer, paused before its first byte, or with the failure that it is. Never rejects. */
export function rewriteAnswer(options: RewriteOptions): Promise<AttemptResult> {
  return new Promise((resolve) => {
    let rewritten: RewrittenAnswer;
    try {
      const transform = options.transform(options.answer.head);
      rewritten = new RewrittenAnswer(options, transform, resolve);
    } catch (error) {
      options.answer.discard();
      return resolve(unusable(asError(error)));
    }
    rewritten.start();
  });
}

class RewrittenAnswer implements Answer, Sink {
  readonly #inner: Answer;
  readonly #transform: AsyncTransform;
  readonly #decoder: Decoder | undefined;
  /** Without what makes the transform: that may hold the whole request. */
  readonly #options: Pick<RewriteOptions, "isStream" | "signal">;
  #resolve: ((result: AttemptResult) => void) | undefined;
  #sink: Sink | undefined;
  /** Ends when what has come is decoded and rewritten. */
  #work: Promise<void> | undefined;
  #isPausedBySink = false;
  #isOver = false;
  #broken: { cause: Error; last: Buffer | undefined } | undefined;
  readonly #memory: HeldMemory;
  #heldBytes = 0;
  held: Buffer[] = [];
  isWhole = false;

  constructor(
    { answer, isStream, signal, memory }: Omit<RewriteOptions, "transform">,
    transform: AsyncTransform,
    resolve: (result: AttemptResult) => void,
  ) {
    this.#options = { isStream, signal };
    this.#inner = answer;
    this.#transform = transform;
    this.#memory = createAnswerMemory(memory);
    const encoding = answer.head.headers["content-encoding"]?.toString();
    this.#decoder = createAnswerDecoder(encoding, () => this.#draw());
    this.#resolve = resolve;
  }

  get head(): ReplyHead {
    return this.#inner.head;
  }

  rawHeaders: readonly (string | Buffer)[] = [];

  get rewrittenHeaders(): readonly string[] {
    return this.#transform.headers;
  }

  get observer(): AnswerObserver | undefined {
    return this.#inner.observer;
  }

  get headAt(): number {
    return this.#inner.headAt;
  }

  /** What is not whole has been reported as broken. */
  readonly isTruncated = false;
  isShort = false;

  start(): void {
    const { signal, isStream } = this.#options;
    signal.addEventListener("abort", this.#leave, { once: true });
    this.rawHeaders = this.#inner.rawHeaders;
    this.#inner.pipe(this);
    const settleStream = () => {
      if (isStream) this.#settle();
    };
    if (this.#work) this.#work.then(settleStream).catch((error) => this.#fail(asError(error)));
    else settleStream();
  }

  data(chunk: Buffer): void {
    const decoder = this.#decoder;
    if (decoder) return this.#enqueue(() => decoder.write(chunk, (slice) => this.#rewriteWithin(slice)));
    this.#rewrite(chunk);
    const turn = this.#draw();
    if (turn) this.#enqueue(() => turn);
  }

  end(last?: Buffer): void {
    if (last) this.data(last);
    const decoder = this.#decoder;
    if (!decoder) return void this.#end();
    this.#enqueue(async () => {
      await decoder.end((slice) => this.#rewriteWithin(slice));
      await this.#end();
    });
  }

  broken(cause: Error): void {
    // Once the terminal event has gone by the answer is whole, whatever happens to the provider's socket.
    const finish = () => (this.observer?.complete ? this.#end() : this.#fail(cause));
    if (this.#work) this.#enqueue(async () => finish());
    else void finish();
  }

  pipe(sink: Sink): void {
    this.#sink = sink;
    this.rawHeaders = [];
    const held = this.held;
    this.held = [];
    this.#heldBytes = 0;
    for (const chunk of held) sink.data(chunk);
    if (this.isWhole) return sink.end();
    if (this.#broken) return sink.broken(this.#broken.cause, this.#broken.last);
    if (!this.#isPausedBySink) this.resume();
  }

  pause(): void {
    this.#isPausedBySink = true;
    this.#inner.pause();
  }

  resume(): void {
    this.#isPausedBySink = false;
    if (!this.#work) this.#inner.resume();
  }

  discard(): void {
    this.held = [];
    this.#stop();
    this.#inner.discard();
  }

  /** One step after another; the provider is paused meanwhile. */
  #enqueue(step: () => Promise<void>): void {
    this.#inner.pause();
    const work: Promise<void> = (this.#work ?? Promise.resolve())
      .then(() => (this.#isOver ? undefined : step()))
      .catch((error) => this.#fail(asError(error)))
      .then(() => {
        if (this.#work !== work) return;
        this.#work = undefined;
        if (!this.#isOver && !this.#isPausedBySink) this.#inner.resume();
      });
    this.#work = work;
  }

  /** Of the memory of all, what is kept now, and as much again for `times` that it is written anew. */
  #draw(times = 0): Promise<void> | undefined {
    if (this.#isOver) return undefined;
    const kept = this.#transform.heldBytes ?? 0;
    try {
      return this.#memory.hold(this.#heldBytes + kept * (1 + times) + (this.#decoder?.heldBytes ?? 0));
    } catch (error) {
      this.#fail(asError(error));
      return undefined;
    }
  }

  #rewriteWithin(slice: Buffer): Promise<void> | undefined {
    this.#rewrite(slice);
    return this.#draw();
  }

  #rewrite(bytes: Buffer): void {
    if (this.#isOver) return;
    let output: Buffer;
    try {
      output = this.#transform.push(bytes);
    } catch (error) {
      return this.#fail(asError(error));
    }
    if (this.#transform.hasFailed) return this.#fail(new Error("it cannot be rewritten"), output);
    this.#hand(output);
  }

  /** Never rejects. What is kept until now is in memory once more as text, and once more as it is written. */
  #end(): void | Promise<void> {
    const turn = this.#draw(2);
    if (!turn) return this.#endNow();
    return turn.then(
      () => this.#endNow(),
      (error) => this.#fail(asError(error)),
    );
  }

  #endNow(): void | Promise<void> {
    if (this.#isOver) return;
    try {
      const output = this.#transform.end();
      if (Buffer.isBuffer(output)) return this.#finish(output);
      return output.then(
        (bytes) => this.#finish(bytes),
        (error) => this.#fail(asError(error)),
      );
    } catch (error) {
      return this.#fail(asError(error));
    }
  }

  #finish(output: Buffer): void {
    if (this.#isOver) return;
    if (this.#transform.hasFailed) return this.#fail(new Error("it cannot be rewritten"), output);
    this.#hand(output);
    this.#stop();
    this.isWhole = true;
    this.#settle();
    this.#sink?.end();
  }

  #hand(output: Buffer): void {
    if (output.length === 0) return;
    if (this.#sink) return this.#sink.data(output);
    this.held.push(output);
    this.#heldBytes += output.length;
    // A document comes whole or not at all.
    if (this.#options.isStream) this.#settle();
  }

  /** `last`: what the transform has written as its end already. */
  #fail(cause: Error, last?: Buffer): void {
    if (this.#isOver) return;
    this.isShort = isShortage(cause);
    this.#stop();
    this.#inner.discard();
    if (this.#resolve) {
      this.held = [];
      this.#memory.release();
      return this.#settle(unusable(cause));
    }
    const ending = last ?? this.#errorEnding(cause);
    if (this.#sink) this.#sink.broken(cause, ending);
    else this.#broken = { cause, last: ending };
  }

  #errorEnding(cause: Error): Buffer | undefined {
    try {
      return this.#transform.fail(truncatedError(cause));
    } catch {
      return undefined;
    }
  }

  readonly #leave = (): void => {
    if (this.#isOver) return;
    this.#stop();
    this.#settle({ ok: false, failure: { kind: "aborted" }, answer: undefined });
  };

  #stop(): void {
    this.#isOver = true;
    this.#decoder?.destroy();
    // What is written and not handed over yet stays until the request is over.
    if (this.held.length === 0) this.#memory.release();
    this.#options.signal.removeEventListener("abort", this.#leave);
  }

  #settle(result: AttemptResult = { ok: true, answer: this }): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    if (resolve && !this.isWhole && result.ok) this.#inner.pause();
    resolve?.(result);
  }
}
