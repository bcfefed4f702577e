// Holds a provider's answer until it is piped, and hands it over as it comes from then on.

import type { Dispatcher } from "undici";
import type { ReplyHead } from "../account-kinds/upstream.ts";
import type { HeldMemory } from "../coding/decoded.ts";
import { asError } from "../domain/errors.ts";
import type { Timer, Timers } from "../time/timers.ts";
import type { AnswerObserver } from "../usage/observer.ts";
import type { Answer, Sink } from "./answer.ts";

export interface HeldAnswerOptions {
  timers: Timers;
  /** Between two chunks of a forwarded answer, not counting the time in which the client does not read. */
  idleMs: number;
  /** Nothing has come for `idleMs` while the client was reading. */
  onIdle(): void;
  /** The answer is not wanted any more. */
  onDiscard(): void;
  /** What is held back, and what the observer keeps. */
  memory: HeldMemory;
  /** No memory is left for what is held back, or kept by the observer of an answer that is piped. */
  onShort(error: Error): void;
}

export class HeldAnswer implements Answer {
  readonly #options: HeldAnswerOptions;
  #controller: Dispatcher.DispatchController | undefined;
  #sink: Sink | undefined;
  #idle: Timer | undefined;
  /** Of the body by its `content-length`; undefined without one. */
  #length: number | undefined;
  #receivedBytes = 0;
  /** The chunk that makes an announced length whole. The client would take it for the end, so it waits for the provider's. */
  #last: Buffer | undefined;
  #broken: Error | undefined;
  #isDiscarded = false;
  #isPaused = false;
  /** Until it is piped. */
  #isHeldBack = false;
  /** The provider waits until there is memory. */
  #isShort = false;
  /** Of what has come and was not handed over. */
  #heldBytes = 0;
  /** Beside what is held: for decoding it. */
  #reservedBytes = 0;
  #isFinished = false;
  #resuming: NodeJS.Immediate | undefined;

  head: ReplyHead = { status: 0, headers: {} };
  rawHeaders: readonly (string | Buffer)[] = [];
  observer: AnswerObserver | undefined;
  headAt = 0;
  held: Buffer[] = [];
  isWhole = false;

  constructor(options: HeldAnswerOptions) {
    this.#options = options;
  }

  get isTruncated(): boolean {
    return this.observer?.isTruncated === true;
  }

  get isDiscarded(): boolean {
    return this.#isDiscarded;
  }

  get isPiped(): boolean {
    return this.#sink !== undefined;
  }

  /** Of everything that has come. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** The request is about to go out on a connection: too late if the answer is not wanted any more. */
  connect(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isDiscarded || this.#broken) controller.abort(this.#broken ?? discardReason());
  }

  begin(head: ReplyHead, rawHeaders: unknown, headAt: number): void {
    this.head = head;
    if (Array.isArray(rawHeaders)) this.rawHeaders = rawHeaders;
    this.headAt = headAt;
    this.#length = readLength(head.headers["content-length"]?.toString());
  }

  take(chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    const isLast = this.#isLast();
    const isHeld = !this.#sink || (this.held.length > 0 && !isLast);
    if (isHeld) this.#heldBytes += chunk.length;
    const turn = this.#draw() ?? this.#observerTurn();
    // Only the end follows, and has to be read at once: of a connection that is paused before it and then closed, as a provider may
    // do with a kept one, undici says that it broke off in the middle of its answer.
    if (isLast) this.#controller?.resume();
    else if (turn) this.#waitFor(turn);
    if (isHeld) return void this.held.push(chunk);
    this.#idle?.restart();
    if (isLast) this.#last = chunk;
    else this.#sink?.data(chunk);
  }

  /** The provider sends nothing more until the answer is piped. */
  holdBack(): void {
    this.#isHeldBack = true;
    clearImmediate(this.#resuming);
    this.#resuming = undefined;
    this.#pauseProvider();
  }

  /** Room for so many bytes beside those that are held; see HeldMemory. */
  reserve(bytes: number): Promise<void> | undefined {
    this.#reservedBytes = bytes;
    return this.#draw();
  }

  #draw(): Promise<void> | undefined {
    const held = this.#heldBytes + this.#reservedBytes;
    try {
      return this.#options.memory.hold(held + (this.observer?.heldBytes ?? 0));
    } catch (error) {
      this.#options.onShort(asError(error));
      return undefined;
    }
  }

  /** What is decoded elsewhere would pile up there, where the client reads faster. */
  #observerTurn(): Promise<void> | undefined {
    return this.observer?.isBehind ? this.observer.settled?.() : undefined;
  }

  #waitFor(turn: Promise<void>): void {
    if (this.#isShort) return;
    this.#isShort = true;
    this.stopWatching();
    this.#pauseProvider();
    turn
      .catch((error) => this.#options.onShort(asError(error)))
      .then(() => {
        this.#isShort = false;
        if (this.#sink ? !this.#isPaused : !this.#isHeldBack) this.resume();
      })
      .catch(() => {});
  }

  /** After the provider's end, and after what was handed over before it. */
  finish(): void {
    if (this.#isDiscarded || this.#isFinished || !this.#sink || this.held.length > 0) return;
    this.#isFinished = true;
    if (this.isTruncated) return this.#sink.broken(new Error("it ended before it was whole"));
    this.#sink.end(this.#last);
  }

  /** Its end may have come while its last bytes are still being decoded. */
  #finishWhenObserved(): void {
    const settled = this.observer?.settled?.();
    if (settled) settled.then(() => this.finish()).catch((cause: Error) => this.spoil(cause));
    else this.finish();
  }

  /** Nothing more comes. False: that was known, or does not matter any more. Where nobody has taken the answer yet, `pipe` reports it to the sink. */
  breakOff(error: Error): boolean {
    if (this.#isDiscarded || this.#broken || this.isWhole) return false;
    this.stopWatching();
    this.#broken = error;
    this.#controller?.abort(error);
    if (this.#sink) this.#breakOff(this.#sink, error);
    return true;
  }

  /** Its bytes came, and could not be understood. */
  spoil(cause: Error): void {
    this.#sink?.broken(cause);
    this.discard();
  }

  pipe(sink: Sink): void {
    this.#sink = sink;
    this.#isPaused = false;
    this.rawHeaders = [];
    if (this.#isLast()) this.#last = this.#released(this.held.pop());
    this.#handOver(sink);
  }

  /** What was held may be more than the client takes at once: the rest stays here until it takes more. */
  #handOver(sink: Sink): void {
    if (this.#broken) return this.#breakOff(sink, this.#broken);
    while (this.held.length > 0 && !this.#isPaused) sink.data(this.#released(this.held.shift())!);
    this.#draw();
    if (this.held.length > 0) return;
    if (this.isWhole) return this.#finishWhenObserved();
    if (!this.#isPaused) this.resume();
  }

  /** Not held any more. */
  #released(chunk: Buffer | undefined): Buffer | undefined {
    this.#heldBytes -= chunk?.length ?? 0;
    return chunk;
  }

  #breakOff(sink: Sink, error: Error): void {
    while (this.held.length > 0) sink.data(this.#released(this.held.shift())!);
    sink.broken(error);
  }

  pause(): void {
    this.#isPaused = true;
    clearImmediate(this.#resuming);
    this.#resuming = undefined;
    if (this.isWhole) return;
    this.stopWatching();
    this.#pauseProvider();
  }

  resume(): void {
    this.#isPaused = false;
    const hasMore = this.#sink !== undefined && this.held.length > 0;
    if (this.#broken || this.#isDiscarded || (!hasMore && (this.isWhole || this.#isShort))) return;
    const { timers, idleMs, onIdle } = this.#options;
    if (this.#sink && !hasMore) this.#idle ??= timers.after(idleMs, onIdle);
    // Not at once: a resumed parser may have something to hand over right away, and a sink that pauses and resumes for
    // every piece would then never let the event loop turn.
    this.#resuming ??= setImmediate(this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#resuming = undefined;
    if (this.#isDiscarded || this.#broken) return;
    if (!this.#sink || this.held.length === 0) return this.#controller?.resume();
    try {
      this.#handOver(this.#sink);
    } catch (error) {
      this.spoil(asError(error));
    }
  };

  discard(): void {
    this.stopWatching();
    this.#options.onDiscard();
    this.#options.memory.release();
    this.held = [];
    this.#heldBytes = 0;
    if (this.isWhole || this.#broken || this.#isDiscarded) return;
    this.#isDiscarded = true;
    this.#controller?.abort(discardReason());
  }

  /** Its silence says nothing any more. */
  stopWatching(): void {
    this.#idle?.stop();
    this.#idle = undefined;
  }

  /** Not before its end: see take. */
  #pauseProvider(): void {
    if (!this.isWhole && !this.#isLast()) this.#controller?.pause();
  }

  /** Whether the body has come in its announced length. */
  #isLast(): boolean {
    return this.#length !== undefined && this.#receivedBytes >= this.#length;
  }
}

/** Undefined for what is no length. */
function readLength(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

function discardReason(): Error {
  return new Error("the answer is not wanted");
}
