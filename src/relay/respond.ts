// Sends one good answer to the client. From its first byte on nothing is resumed, retried or invented:
// when the upstream breaks off, so does the relay, unless the answer is a converted one whose API has an error event.

import type { ServerResponse } from "node:http";
import { RelayError } from "../errors.ts";
import type { Outcome } from "../store/store.ts";
import type { Answer, Sink } from "./attempt.ts";
import type { AsyncTransform } from "./decoding-transform.ts";
import { ShutdownAbort } from "./exchange.ts";

export interface Response {
  response: ServerResponse;
  status: number;
  /** Raw pairs, as they go out. */
  headers: string[];
  answer: Answer;
  transform: AsyncTransform | undefined;
  /** The exchange's: aborted when the client leaves or the relay shuts down. Whoever aborts it has the upstream aborted too. */
  signal: AbortSignal;
  /** Whether a clean end without the API's terminal event counts as broken off: event streams. */
  needsTerminalEvent: boolean;
  /** Writes the usage down. Called before the client can see the end, and again if more was learned after. */
  record(outcome: Outcome): Promise<void>;
}

/** Resolves when the client has everything, or is gone, or was truncated. */
export function respond(options: Response): Promise<void> {
  return new Promise((resolve) => {
    const pipe = new ResponsePipe(options, resolve);
    pipe.start();
  });
}

/** How long a cut-off client may take to read what was sent before its socket is reset all the same. */
const resetGraceMs = 5000;

class ResponsePipe implements Sink {
  readonly #options: Response;
  readonly #resolve: () => void;
  /** What is to be done, in order, once the usage that is being written is in the database. */
  #queue: (() => void | Promise<void>)[] = [];
  #busy = false;
  #waitsForDrain = false;
  #recorded: Outcome | undefined;
  #finished = false;

  constructor(options: Response, resolve: () => void) {
    this.#options = options;
    this.#resolve = resolve;
  }

  start(): void {
    const { response, signal, answer } = this.#options;
    if (signal.aborted) return this.#leave();
    signal.addEventListener("abort", this.#leave, { once: true });
    response.on("drain", this.#drained);
    if (answer.isWhole) return void this.#sendWhole();
    response.writeHead(this.#options.status, this.#options.headers);
    // A client that waits for the head should have it before the first event.
    if (answer.held.length === 0) response.flushHeaders();
    answer.pipe(this);
  }

  data(chunk: Buffer): void {
    const { observer } = this.#options.answer;
    if (observer?.settled) {
      return this.#enqueue(async () => {
        await observer.settled?.();
        if (this.#recorded === undefined && observer.complete) await this.#record();
        this.#write(chunk);
      });
    }
    const isLast = this.#recorded === undefined && observer?.complete === true;
    if (!isLast && !this.#busy) return this.#write(chunk);
    // The terminal event: clients hang up as soon as they have read it, so the usage is written down first.
    if (isLast) this.#enqueue(() => this.#record());
    this.#enqueue(() => this.#write(chunk));
  }

  end(): void {
    this.#enqueue(async () => {
      await this.#options.answer.observer?.settled?.();
      if (this.#finished) return;
      if (lacksEnding(this.#options)) return this.#breakOff(new Error("it ended before it was whole"));
      try {
        const rest = await this.#options.transform?.end();
        await this.#record();
        if (rest?.length) this.#options.response.write(rest);
      } catch (error) {
        return this.#breakOff(error instanceof Error ? error : new Error(String(error)));
      }
      this.#options.response.end();
      this.#finish();
    });
  }

  broken(cause: Error): void {
    this.#enqueue(() => this.#breakOff(cause));
  }

  /** The whole answer is here already: the usage is written down, then everything goes out in one write. */
  async #sendWhole(): Promise<void> {
    const { answer, transform, response, status, headers } = this.#options;
    if (transform) {
      response.writeHead(status, headers);
      return answer.pipe(this);
    }
    await answer.observer?.settled?.();
    if (lacksEnding(this.#options)) {
      response.writeHead(status, headers);
      return answer.pipe(this);
    }
    await this.#record();
    if (this.#finished) return;
    response.writeHead(status, headers);
    response.end(answer.held.length === 1 ? answer.held[0] : Buffer.concat(answer.held));
    this.#finish();
  }

  #write(chunk: Buffer): void {
    const { transform, response, answer } = this.#options;
    if (this.#finished) return;
    let bytes = chunk;
    if (transform) {
      try {
        bytes = transform.push(chunk);
      } catch (error) {
        answer.discard();
        return void this.#breakOff(error instanceof Error ? error : new Error(String(error)));
      }
      if (bytes.length === 0) return;
    }
    if (response.write(bytes) || this.#waitsForDrain) return;
    this.#waitsForDrain = true;
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

  async #breakOff(cause: Error): Promise<void> {
    if (this.#finished) return;
    const { response, transform } = this.#options;
    // Once the terminal event has gone by the client has a whole answer, whatever happens to the upstream's socket.
    const isWhole = this.#recorded !== undefined;
    await this.#record(this.#recorded ?? "truncated");
    const error = new RelayError(
      "upstream_unreachable",
      `The provider broke off its answer (${cause.message}); send the request again.`,
      { cause },
    );
    const ending = isWhole ? Buffer.alloc(0) : transform?.fail(cause instanceof RelayError ? cause : error);
    if (ending) response.end(ending);
    else resetConnection(response);
    this.#finish();
  }

  readonly #leave = (): void => {
    if (this.#finished) return;
    this.#options.answer.discard();
    void this.#recordDeparture().finally(() => this.#finish());
  };

  /** Of a compressed answer, what had come by then may still be on its way through the decoder: it counts too. */
  async #recordDeparture(): Promise<void> {
    await this.#options.answer.observer?.settled?.();
    const isOurs = this.#options.signal.reason instanceof ShutdownAbort;
    await this.#options.record(this.#recorded ?? (isOurs ? "truncated" : "aborted"));
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    const { response, signal } = this.#options;
    signal.removeEventListener("abort", this.#leave);
    response.off("drain", this.#drained);
    this.#resolve();
  }

  /** Runs steps one after another; while one takes time, the upstream is paused. */
  #enqueue(step: () => void | Promise<void>): void {
    this.#queue.push(step);
    if (!this.#busy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    this.#options.answer.pause();
    for (let step = this.#queue.shift(); step; step = this.#queue.shift()) await step();
    this.#busy = false;
    if (!this.#waitsForDrain && !this.#finished) this.#options.answer.resume();
  }
}

/** Whether an answer that has ended cleanly is cut all the same. */
function lacksEnding({ answer, needsTerminalEvent }: Response): boolean {
  return answer.isTruncated || (needsTerminalEvent && !hasTerminalEvent(answer));
}

/** An error event is an ending too: the provider said it, and it is passed on as it is. */
function hasTerminalEvent({ observer }: Answer): boolean {
  return (
    !observer || observer.complete || observer.lateError !== undefined || observer.opening.kind === "error"
  );
}

function outcomeOf({ head, observer }: Answer): Outcome {
  if (head.status >= 300 || observer?.opening.kind === "error") return "failed";
  return observer?.lateError === undefined ? "complete" : "truncated";
}

/**
 * Ends the connection without ending the answer, after what was written has left: a clean end would pass for success. It is
 * reset, not closed: after a reset Gemini CLI asks again, and fails for good after a mere close (seen in Gemini CLI 0.61); and
 * in HTTP/1.0, where an answer ends with its connection, nothing else tells that it is not whole.
 */
function resetConnection(response: ServerResponse): void {
  const { socket } = response;
  if (!socket) return void response.destroy();
  const reset = () => void socket.resetAndDestroy();
  // Called back when everything before it has gone out.
  socket.write("", reset);
  setTimeout(reset, resetGraceMs).unref();
}
