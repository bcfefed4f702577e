// Sends one answer to the client. From its first byte on nothing is resumed, retried or invented: when the upstream breaks
// off, so does the relay, unless the answer is a converted one whose API has an error event.

import { asError } from "../domain/errors.ts";
import type { AsyncTransform } from "../sse/transform.ts";
import type { Outcome } from "../store/usage-store.ts";
import type { AnswerObserver } from "../usage/observer.ts";
import type { Answer, Sink } from "./answer.ts";
import type { AnswerHead, ClientSink } from "./client.ts";
import { ShutdownAbort } from "./exchange.ts";
import { truncatedError } from "./rewrite-failure.ts";

export interface ResponseOptions {
  sink: ClientSink;
  head: AnswerHead;
  answer: Answer;
  transform: AsyncTransform | undefined;
  /** The exchange's: aborted when the client leaves or the relay shuts down. Aborting it aborts the upstream too. */
  signal: AbortSignal;
  /**
   * Whether the connection is broken off even after an error event of the provider's: libraries of a converted API take a clean
   * end for success.
   */
  breaksOffAfterError: boolean;
  /** Writes the usage down. Called before the client can see the end, and again if more was learned after. */
  record(outcome: Outcome): Promise<void>;
}

/**
 * Resolves when the client has everything, or has left, or its answer was broken off. Rejects for a fault of the relay itself; the answer is
 * broken off then, too.
 */
export function sendAnswer(options: ResponseOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const pipe = new ResponsePipe(options, { resolve, reject });
    pipe.start();
  });
}

interface Settle {
  resolve(): void;
  reject(error: unknown): void;
}

type Step = () => void | Promise<void>;

class ResponsePipe implements Sink {
  readonly #options: ResponseOptions;
  readonly #settle: Settle;
  /** What is to be done, in order, once the usage that is being written is in the database. */
  readonly #queue: Step[] = [];
  #busy = false;
  #waitsForDrain = false;
  #recorded: Outcome | undefined;
  /** Bytes have gone out that the observer had not seen yet. */
  #isAhead = false;
  #finished = false;
  #stopWatchingDrain: (() => void) | undefined;

  constructor(options: ResponseOptions, settle: Settle) {
    this.#options = options;
    this.#settle = settle;
  }

  start(): void {
    const { sink, signal, answer, head } = this.#options;
    if (signal.aborted) return this.#leave();
    signal.addEventListener("abort", this.#leave, { once: true });
    if (answer.isWhole) return this.#enqueue(() => this.#sendWhole());
    this.#guard(() => {
      sink.start(head);
      // A client that waits for the head should have it before the first event.
      if (answer.held.length === 0) sink.flush();
      answer.pipe(this);
    });
  }

  data(chunk: Buffer): void {
    const { observer } = this.#options.answer;
    // The terminal event: clients hang up as soon as they have read it, so the usage is written down first.
    if (this.#recorded === undefined && observer?.complete === true) this.#enqueue(() => this.#record());
    else if (observer?.settled) this.#recordOnceDecoded(observer, observer.settled());
    if (this.#busy) this.#enqueue(() => this.#write(chunk));
    else this.#writeGuarded(chunk);
  }

  end(last?: Buffer): void {
    const isRewritten = this.#options.transform !== undefined;
    if (isRewritten && last) this.data(last);
    this.#enqueue(async () => {
      await this.#options.answer.observer?.settled?.();
      if (this.#finished) return;
      if (this.#options.answer.isTruncated)
        return await this.#breakOff(new Error("it ended before it was whole"));
      await this.#endWhole(isRewritten ? undefined : last);
    });
  }

  broken(cause: Error, last?: Buffer): void {
    this.#enqueue(async () => {
      if (this.#isAhead) await this.#catchUp();
      await this.#breakOff(cause, last);
    });
  }

  /**
   * Which chunk of a compressed answer holds its terminal event is known only when another thread has decoded it. No chunk waits for
   * that: the answer's end does.
   */
  #recordOnceDecoded(observer: AnswerObserver, decoded: Promise<void>): void {
    this.#isAhead = true;
    decoded
      .then(() => {
        if (observer.complete && !this.#finished)
          this.#enqueue(() => (this.#recorded === undefined ? this.#record() : undefined));
      })
      .catch(this.#fault);
  }

  /** Whether the terminal event was in what went out undecoded is known now. */
  async #catchUp(): Promise<void> {
    const { observer } = this.#options.answer;
    await observer?.settled?.();
    if (this.#recorded === undefined && observer?.complete) await this.#record();
  }

  /** The whole answer is here already: the usage is written down, then everything goes out in one write. */
  async #sendWhole(): Promise<void> {
    const { answer, transform, sink, head } = this.#options;
    await answer.observer?.settled?.();
    if (this.#finished) return;
    if (transform || answer.isTruncated || sink.keepsPieces) {
      sink.start(head);
      return answer.pipe(this);
    }
    await this.#record();
    if (this.#finished) return;
    sink.start(head);
    this.#end(answer.held.length === 1 ? answer.held[0] : Buffer.concat(answer.held));
  }

  #write(chunk: Buffer): void {
    const { transform, sink, answer } = this.#options;
    if (this.#finished) return;
    let bytes = chunk;
    if (transform) {
      try {
        bytes = transform.push(chunk);
      } catch (error) {
        answer.discard();
        return this.#enqueue(() => this.#truncate(asError(error)));
      }
      if (bytes.length === 0) return;
    }
    if (sink.write(bytes) || this.#waitsForDrain) return;
    this.#waitsForDrain = true;
    this.#stopWatchingDrain ??= sink.onDrain(this.#drained);
    answer.pause();
  }

  readonly #drained = (): void => {
    this.#waitsForDrain = false;
    if (!this.#busy) this.#options.answer.resume();
  };

  async #record(outcome: Outcome = outcomeOf(this.#options.answer)): Promise<void> {
    this.#recorded = outcome;
    await this.#options.record(outcome);
  }

  /** What is rewritten is whole only when its last bytes could be made. */
  async #endWhole(last?: Buffer): Promise<void> {
    let rest = last;
    try {
      rest = (await this.#options.transform?.end()) ?? last;
    } catch (error) {
      return await this.#truncate(asError(error));
    }
    await this.#record();
    this.#end(rest);
  }

  #end(rest: Buffer | undefined): void {
    if (this.#finished) return;
    const { sink, breaksOffAfterError } = this.#options;
    if (breaksOffAfterError && this.#recorded !== "complete") sink.endWithError(rest ?? Buffer.alloc(0));
    else sink.end(rest?.length ? rest : undefined);
    this.#finish();
  }

  async #breakOff(cause: Error, ending?: Buffer): Promise<void> {
    if (this.#finished) return;
    const isRewritten = this.#options.answer.rewrittenHeaders !== undefined;
    // Once the terminal event has gone by the answer is whole, whatever happens to the upstream's socket. The code that rewrites it
    // knows better.
    if (this.#recorded !== undefined && !isRewritten) return await this.#endWhole();
    await this.#truncate(cause, ending);
  }

  async #truncate(cause: Error, ending?: Buffer): Promise<void> {
    if (this.#finished) return;
    await this.#record("truncated");
    if (this.#finished) return;
    const { sink, transform } = this.#options;
    const last = ending ?? transform?.fail(truncatedError(cause));
    if (last) sink.endWithError(last);
    else sink.breakOff();
    this.#finish();
  }

  readonly #leave = (): void => {
    if (this.#finished) return;
    this.#options.answer.discard();
    this.#recordDeparture().then(() => this.#finish(), this.#fault);
  };

  /** Of a compressed answer, what had come by then may still be on its way through the decoder: it counts too. */
  async #recordDeparture(): Promise<void> {
    const { observer } = this.#options.answer;
    await observer?.settled?.();
    if (this.#isAhead && observer?.complete) this.#recorded ??= outcomeOf(this.#options.answer);
    const isOurs = this.#options.signal.reason instanceof ShutdownAbort;
    await this.#options.record(this.#recorded ?? (isOurs ? "truncated" : "aborted"));
  }

  #finish(): void {
    if (!this.#finished) this.#stop();
    this.#settle.resolve();
  }

  /** Something threw that must not: this one request is broken off, and its caller hears of it. */
  readonly #fault = (error: unknown): void => {
    const { answer, sink } = this.#options;
    const reject = () => this.#settle.reject(error);
    if (this.#finished) return reject();
    this.#stop();
    answer.discard();
    sink.breakOff();
    // Its usage is recorded all the same; if the recording fails, the first error says so.
    this.#record(this.#recorded ?? "truncated").then(reject, reject);
  };

  #stop(): void {
    this.#finished = true;
    this.#queue.length = 0;
    this.#options.signal.removeEventListener("abort", this.#leave);
    this.#stopWatchingDrain?.();
  }

  #writeGuarded(chunk: Buffer): void {
    try {
      this.#write(chunk);
    } catch (error) {
      this.#fault(error);
    }
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fault(error);
    }
  }

  /** Runs steps one after another; while one takes time, the upstream is paused. */
  #enqueue(step: Step): void {
    this.#queue.push(step);
    if (!this.#busy) this.#run().catch(this.#fault);
  }

  async #run(): Promise<void> {
    this.#busy = true;
    this.#options.answer.pause();
    for (let step = this.#queue.shift(); step; step = this.#queue.shift()) await step();
    this.#busy = false;
    if (!this.#waitsForDrain && !this.#finished) this.#options.answer.resume();
  }
}

function outcomeOf({ head, observer }: Answer): Outcome {
  if (head.status >= 300 || observer?.opening.kind === "error") return "failed";
  return observer?.lateError === undefined ? "complete" : "truncated";
}
