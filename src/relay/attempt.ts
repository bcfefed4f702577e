// One attempt on one account: sends the request and holds the answer back until it is known to be good.
// Nothing has gone to the client while an attempt is undecided, so any other account may still answer.

import type { Dispatcher } from "undici";
import type { Call } from "../call.ts";
import type { Failure } from "../failure.ts";
import { readNetworkFault } from "../network/faults.ts";
import { isEventStream } from "../upstreams/reply.ts";
import type { ReplyHead, Upstream, UpstreamRequest } from "../upstreams/upstream.ts";
import { decodeBody, observeDecoded } from "../usage/decoded.ts";
import type { AnswerObserver } from "../usage/observer.ts";

export interface AttemptOptions {
  dispatcher: Dispatcher;
  request: UpstreamRequest;
  upstream: Upstream;
  call: Call;
  timeouts: AttemptTimeouts;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  now: () => number;
  onObserverError(error: unknown): void;
}

export interface AttemptTimeouts {
  /** Until the response head. */
  firstByteMs: number;
  /** Between two chunks of a forwarded answer, not counting the time in which the client does not read. */
  idleMs: number;
}

export type AttemptResult =
  | { ok: true; answer: Answer }
  /** `answer` is there when the provider did answer: it can still be passed on, or must be discarded. */
  | { ok: false; failure: Failure; answer: Answer | undefined };

/** A provider's answer, paused before its first byte goes out. */
export interface Answer {
  readonly head: ReplyHead;
  /** Name, value, name, value … as they came; empty once the answer is piped. */
  readonly rawHeaders: readonly (string | Buffer)[];
  /** Undefined for error answers. */
  readonly observer: AnswerObserver | undefined;
  /** Epoch ms of the response head. */
  readonly headAt: number;
  /** What has come and was not handed over yet. */
  readonly held: readonly Buffer[];
  /** The answer ended cleanly while it was held: `held` is all of it. */
  readonly isWhole: boolean;
  /**
   * Asked when the answer has ended cleanly: it broke off all the same, in the middle of its JSON. Where no length was told
   * that is how a connection looks that was closed too early.
   */
  readonly isTruncated: boolean;
  /** Hands over what was held and all that follows. Once only. */
  pipe(sink: Sink): void;
  pause(): void;
  resume(): void;
  /** Frees the connection; the answer is not wanted. */
  discard(): void;
}

/** Where an answer goes. Exactly one of `end` and `broken` comes, last. */
export interface Sink {
  /** The observer has seen the chunk already. */
  data(chunk: Buffer): void;
  end(): void;
  /** The upstream broke off or fell silent. */
  broken(cause: Error): void;
}

/** The hold-back ends this long after the response head, whatever has come. */
const holdMs = 5000;
/** It also ends when this much is held, which bounds the memory of an undecided answer. */
const maxHeldBytes = 1024 * 1024;
/** So much of an error is read. */
export const maxErrorBytes = 256 * 1024;

export function attempt(options: AttemptOptions): Promise<AttemptResult> {
  return new Promise((resolve) => {
    const held = new HeldAnswer(options, resolve);
    held.send();
  });
}

/**
 * The undici handler of one attempt. Until `#decide` it collects, from there until `pipe` it keeps the upstream paused, and
 * then it hands over what comes.
 */
class HeldAnswer implements Dispatcher.DispatchHandler, Answer {
  readonly #options: AttemptOptions;
  #resolve: ((result: AttemptResult) => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #sink: Sink | undefined;
  #heldBytes = 0;
  #isStream = false;
  #broken: Error | undefined;
  #discarded = false;
  /** The whole request has been handed to the connection. */
  #isSent = false;
  #paused = false;
  #resuming: NodeJS.Immediate | undefined;
  readonly #leave: () => void;

  head: ReplyHead = { status: 0, headers: {} };
  rawHeaders: readonly (string | Buffer)[] = [];
  observer: AnswerObserver | undefined;
  headAt = 0;
  held: Buffer[] = [];
  isWhole = false;

  constructor(options: AttemptOptions, resolve: (result: AttemptResult) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#leave = () => {
      this.#settle({ ok: false, failure: { kind: "aborted" }, answer: undefined });
      this.discard();
    };
  }

  get isTruncated(): boolean {
    return this.observer?.unclosed === true && this.head.headers["content-length"] === undefined;
  }

  send(): void {
    const { dispatcher, request, timeouts, signal } = this.#options;
    const { headers, body } = framed(request);
    if (signal.aborted) return this.#leave();
    signal.addEventListener("abort", this.#leave, { once: true });
    this.#timer = setTimeout(() => this.#timeOut(timeouts.firstByteMs), timeouts.firstByteMs);
    try {
      dispatcher.dispatch(
        {
          origin: request.origin,
          path: request.path,
          method: request.method as Dispatcher.HttpMethod,
          headers,
          body,
        },
        this,
      );
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#discarded) controller.abort(discardReason());
  }

  onRequestSent(): void {
    this.#isSent = true;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ReplyHead["headers"],
  ): void {
    if (status < 200) return;
    const { call, upstream, now } = this.#options;
    this.head = { status, headers };
    if (Array.isArray(controller.rawHeaders)) this.rawHeaders = controller.rawHeaders;
    // Nobody else reads them, and they would stay as long as the answer lasts.
    controller.rawHeaders = null;
    this.headAt = now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#decide(), holdMs);
    this.#isStream = call.stream || isEventStream(headers);
    if (status >= 300) return;
    const encoding = headers["content-encoding"]?.toString();
    this.#observe(() => (this.observer = observeDecoded(encoding, upstream.observe(call, this.head))));
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    // A parser that is resumed with nothing to read hands out empty pieces. They are no sign of life and no progress.
    if (chunk.length === 0) return;
    this.#observe(() => this.observer?.push(chunk));
    if (this.#sink) {
      this.#idle?.refresh();
      this.#sink.data(chunk);
      return;
    }
    this.held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#resolve) this.#considerHeld();
  }

  onResponseEnd(): void {
    this.#observe(() => this.observer?.end());
    this.#stopWatching();
    if (this.#sink) return this.#sink.end();
    this.isWhole = true;
    this.#decide();
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail(error);
  }

  pipe(sink: Sink): void {
    this.#sink = sink;
    this.#paused = false;
    this.rawHeaders = [];
    const held = this.held;
    this.held = [];
    for (const chunk of held) sink.data(chunk);
    if (this.isWhole) return sink.end();
    if (this.#broken) return sink.broken(this.#broken);
    // What was held may be more than the client takes at once.
    if (!this.#paused) this.resume();
  }

  pause(): void {
    this.#paused = true;
    clearTimeout(this.#idle);
    this.#idle = undefined;
    clearImmediate(this.#resuming);
    this.#resuming = undefined;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.isWhole || this.#broken || this.#discarded) return;
    const { idleMs } = this.#options.timeouts;
    this.#idle ??= setTimeout(() => this.#timeOut(idleMs), idleMs);
    // Not at once: a resumed parser may have something to hand over right away, and a sink that pauses and resumes for
    // every piece would then never let the event loop turn.
    this.#resuming ??= setImmediate(() => {
      this.#resuming = undefined;
      if (!this.#discarded && !this.#broken) this.#controller?.resume();
    });
  }

  discard(): void {
    this.#stopWatching();
    this.held = [];
    if (this.isWhole || this.#broken || this.#discarded) return;
    this.#discarded = true;
    this.#controller?.abort(discardReason());
  }

  /** Decides as soon as what has come suffices. */
  #considerHeld(): void {
    if (this.#heldBytes >= (this.head.status >= 400 ? maxErrorBytes : maxHeldBytes)) return this.#decide();
    if (!this.#isStream || this.head.status >= 300) return;
    if (!this.observer?.settled) {
      if (this.observer?.opening.kind !== "pending") this.#decide();
      return;
    }
    void this.observer.settled().then(() => {
      if (this.observer?.opening.kind !== "pending") this.#decide();
    });
  }

  #decide(): void {
    if (!this.#resolve || this.#discarded) return;
    clearTimeout(this.#timer);
    if (!this.isWhole) this.#controller?.pause();
    if (this.head.status >= 300) return void this.#decideError();
    if (this.observer?.settled) return void this.observer.settled().then(() => this.#decideOpening());
    this.#decideOpening();
  }

  #decideOpening(): void {
    const { call, upstream, now } = this.#options;
    const opening = this.observer?.opening;
    if (opening?.kind === "error") {
      return this.#settle({
        ok: false,
        failure: upstream.readErrorEvent(opening.event, call, now()),
        answer: this,
      });
    }
    if (opening?.kind === "pending" && this.#isStream && this.isWhole && !this.observer?.complete) {
      return this.#settle(endedEarly("the stream ended before its first event"));
    }
    if (this.isWhole && this.isTruncated)
      return this.#settle(endedEarly("the answer ended inside of its JSON"));
    this.#settle({ ok: true, answer: this });
  }

  async #decideError(): Promise<void> {
    const { call, upstream, now } = this.#options;
    if (this.head.status < 400) {
      const failure: Failure = { kind: "rejected", status: this.head.status, reason: "redirect" };
      return this.#settle({ ok: false, failure, answer: this });
    }
    const coded = Buffer.concat(this.held);
    const encoding = this.head.headers["content-encoding"];
    const body = await decodeBody(coded, encoding?.toString(), maxErrorBytes).catch(() => coded);
    this.#settle({ ok: false, failure: upstream.readFailure(this.head, body, call, now()), answer: this });
  }

  #timeOut(ms: number): void {
    const error = new Error(`no answer within ${Math.round(ms / 1000)} s`);
    error.name = "TimeoutError";
    this.#fail(error);
  }

  #fail(error: Error): void {
    if (this.#discarded || this.#broken || this.isWhole) return;
    this.#stopWatching();
    this.#broken = error;
    this.#controller?.abort(error);
    if (this.#sink) return this.#sink.broken(error);
    // Decided, and nobody has taken the answer yet: `pipe` tells the sink.
    if (!this.#resolve) return;
    this.#settle({ ok: false, failure: failureOf(error, this.#isSent), answer: undefined });
  }

  #settle(result: AttemptResult): void {
    clearTimeout(this.#timer);
    this.#resolve?.(result);
    this.#resolve = undefined;
  }

  #stopWatching(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#idle);
    this.#options.signal.removeEventListener("abort", this.#leave);
  }

  /** An observer is a guest: when it fails, it goes, and the answer goes on. */
  #observe(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.observer = undefined;
      this.#options.onObserverError(error);
    }
  }
}

/** Without a content-length undici would send a body of several pieces in chunked coding. */
function framed({ headers, body }: UpstreamRequest): Pick<Dispatcher.DispatchOptions, "headers" | "body"> {
  if (body === undefined || Buffer.isBuffer(body)) return { headers, body: body ?? null };
  const length = body.reduce((sum, piece) => sum + piece.length, 0);
  // undici sends any iterable, though its type does not say so; an array can be sent again to the next account.
  return { headers: [...headers, "content-length", String(length)], body: body as unknown as Buffer };
}

function failureOf(error: Error, isAtWork: boolean): Failure {
  if (error.name === "TimeoutError") {
    return { kind: "unreachable", cause: error, safeToRepeat: false, isAtWork };
  }
  const fault = readNetworkFault(error);
  const cause = new Error(fault.message, { cause: error });
  if (fault.kind === "proxy" || fault.kind === "shortage") return { kind: fault.kind, cause };
  return { kind: "unreachable", cause, safeToRepeat: fault.safeToRepeat };
}

function endedEarly(reason: string): AttemptResult {
  return { ok: false, failure: { kind: "server-error", status: 502, reason }, answer: undefined };
}

function discardReason(): Error {
  return new Error("the answer is not wanted");
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
