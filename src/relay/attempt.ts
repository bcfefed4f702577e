// One attempt on one account: sends the request and holds the answer back until it is known to be good.
// Nothing has gone to the client while an attempt is undecided, so any other account may still answer.

import type { Dispatcher } from "undici";
import type { ReplyHead, Upstream, UpstreamRequest } from "../account-kinds/upstream.ts";
import type { Call } from "../call.ts";
import type { Failure } from "../failure.ts";
import { readNetworkFault } from "../network/faults.ts";
import { decodeBody, observeDecoded } from "../usage/decoded.ts";
import type { AnswerObserver } from "../usage/observer.ts";
import { classifyAnswer, guardClassifier } from "./classify-answer.ts";
import { createRequestBody, type RequestBody } from "./request-body.ts";

export interface AttemptOptions {
  dispatcher: Dispatcher;
  request: UpstreamRequest;
  upstream: Upstream;
  call: Call;
  timeouts: AttemptTimeouts;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  now: () => number;
  /** Told of what an observer or a classifier throws: it costs the observation, or this attempt, and nothing else. */
  onObserverError(error: unknown): void;
}

export interface AttemptTimeouts {
  /** Until the response head. */
  firstByteMs: number;
  /** Between two chunks of a forwarded answer, not counting the time in which the client does not read. */
  idleMs: number;
  /** The hold-back ends this long after the response head, whatever has come; 5000 unless given. */
  holdMs?: number;
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
  /** In place of the provider's `content-type`, `content-length` and `content-encoding`; undefined: the bytes are the provider's. */
  readonly rewrittenHeaders?: readonly string[];
  /** Undefined for error answers. */
  readonly observer: AnswerObserver | undefined;
  /** Epoch ms of the response head. */
  readonly headAt: number;
  /** What has come and was not handed over yet. */
  readonly held: readonly Buffer[];
  /** The answer ended cleanly while it was held: `held` is all of it. */
  readonly isWhole: boolean;
  /** Asked when the answer has ended cleanly: what came is no whole answer all the same. */
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
  /** The answer has ended, and is whole. */
  end(): void;
  /**
   * The upstream broke off, fell silent, or ended before its answer was whole. `last` ends a rewritten answer with an error in the
   * form of the client's API.
   */
  broken(cause: Error, last?: Buffer): void;
}

const defaultHoldMs = 5000;
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
  /** Without the request: its body is not to live as long as its answer. */
  readonly #options: Omit<AttemptOptions, "request">;
  readonly #target: Pick<UpstreamRequest, "origin" | "path" | "method">;
  #resolve: ((result: AttemptResult) => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #sink: Sink | undefined;
  readonly #body: RequestBody;
  #heldBytes = 0;
  /** Of the body by its `content-length`; undefined without one. */
  #length: number | undefined;
  #receivedBytes = 0;
  /** The chunk that makes an announced length whole. The client would take it for the end, so it waits for the provider's. */
  #last: Buffer | undefined;
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

  constructor({ request, ...options }: AttemptOptions, resolve: (result: AttemptResult) => void) {
    this.#options = options;
    this.#target = { origin: request.origin, path: request.path, method: request.method };
    this.#body = createRequestBody(request);
    this.#resolve = resolve;
    this.#leave = () => {
      this.#settle({ ok: false, failure: { kind: "aborted" }, answer: undefined });
      this.discard();
    };
  }

  get isTruncated(): boolean {
    return this.observer?.isTruncated === true;
  }

  send(): void {
    const { dispatcher, timeouts, signal } = this.#options;
    const { origin, path, method } = this.#target;
    if (signal.aborted) return this.#leave();
    signal.addEventListener("abort", this.#leave, { once: true });
    this.#timer = setTimeout(() => this.#timeOut(timeouts.firstByteMs), timeouts.firstByteMs);
    try {
      dispatcher.dispatch(
        {
          origin,
          path,
          method: method as Dispatcher.HttpMethod,
          ...this.#body.framed,
        },
        this,
      );
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Given up while the connection was being made: the request must not go out later.
    if (this.#discarded || this.#broken) controller.abort(this.#broken ?? discardReason());
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
    const { call, upstream, now, timeouts, onObserverError } = this.#options;
    this.head = { status, headers };
    if (Array.isArray(controller.rawHeaders)) this.rawHeaders = controller.rawHeaders;
    // Nobody else reads them, and they would stay as long as the answer lasts.
    controller.rawHeaders = null;
    this.headAt = now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#decide(), timeouts.holdMs ?? defaultHoldMs);
    if (status >= 300) return;
    this.#length = readLength(headers["content-length"]?.toString());
    const encoding = headers["content-encoding"]?.toString();
    this.#observe(() => {
      const observer = upstream.observe(call);
      this.observer = observeDecoded({ encoding, observer, onError: onObserverError });
    });
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    // A parser that is resumed with nothing to read hands out empty pieces. They are no sign of life and no progress.
    if (chunk.length === 0) return;
    this.#observe(() => this.observer?.push(chunk));
    this.#receivedBytes += chunk.length;
    if (this.#sink) {
      this.#idle?.refresh();
      if (this.#isLast()) this.#last = chunk;
      else this.#sink.data(chunk);
      return;
    }
    this.held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#resolve) this.#considerHeld();
  }

  onResponseEnd(): void {
    this.#observe(() => this.observer?.end());
    this.#stopWatching();
    this.isWhole = true;
    if (!this.#sink) return this.#decide();
    this.#whenObserved(() => this.#finish());
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
    if (this.#isLast()) this.#last = held.pop();
    for (const chunk of held) sink.data(chunk);
    if (this.isWhole) return this.#finish();
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
    this.#body.release();
    this.held = [];
    if (this.isWhole || this.#broken || this.#discarded) return;
    this.#discarded = true;
    this.#controller?.abort(discardReason());
  }

  /** Whether the body has come in its announced length. */
  #isLast(): boolean {
    return this.#length !== undefined && this.#receivedBytes >= this.#length;
  }

  /** After the provider's end, and after what was handed over before it. */
  #finish(): void {
    if (this.#discarded || !this.#sink) return;
    if (this.isTruncated) return this.#sink.broken(new Error("it ended before it was whole"));
    if (this.#last) this.#sink.data(this.#last);
    this.#sink.end();
  }

  /** After the observer has seen all that came. What fails then breaks the answer off. */
  #whenObserved(work: () => void): void {
    const settled = this.observer?.settled?.();
    if (settled) settled.then(work).catch(this.#fault);
    else work();
  }

  /** Decides as soon as what has come suffices. */
  #considerHeld(): void {
    if (this.#heldBytes >= (this.head.status >= 400 ? maxErrorBytes : maxHeldBytes)) return this.#decide();
    if (this.head.status >= 300) return;
    this.#whenObserved(() => this.#considerOpening());
  }

  #considerOpening(): void {
    const { observer } = this;
    if (!observer || observer.opening.kind === "pending") return;
    // A document may still break off, and is sent in one piece when it is whole.
    const isWaitedFor = observer.form === "document" && this.#options.call.streamForm !== "json-array";
    if (observer.opening.kind === "content" && isWaitedFor) return;
    this.#decide();
  }

  #decide(): void {
    if (!this.#resolve || this.#discarded) return;
    clearTimeout(this.#timer);
    if (!this.isWhole) this.#controller?.pause();
    if (this.head.status < 300) this.#whenObserved(() => this.#decideOpening());
    else this.#decideError().catch(this.#fault);
  }

  #decideOpening(): void {
    const { call, upstream, now, onObserverError } = this.#options;
    if (!this.#resolve) return;
    const { head, observer, isWhole } = this;
    const verdict = guardClassifier(onObserverError, () =>
      classifyAnswer({ status: head.status, observer, isWhole }, (event) =>
        upstream.readErrorEvent(event, call, now()),
      ),
    );
    if (!verdict) return this.#settle({ ok: true, answer: this });
    const { failure, mayBePassedOn } = verdict;
    this.#settle({ ok: false, failure, answer: mayBePassedOn ? this : undefined });
    if (!mayBePassedOn) this.discard();
  }

  async #decideError(): Promise<void> {
    const { call, upstream, now, onObserverError } = this.#options;
    const coded = Buffer.concat(this.held);
    const encoding = this.head.headers["content-encoding"];
    const body = await decodeBody(coded, encoding?.toString(), maxErrorBytes).catch(() => coded);
    const { failure, mayBePassedOn } = guardClassifier(onObserverError, () => ({
      failure: upstream.readFailure(this.head, body, call, now()),
      // A redirect is not followed, and no client could.
      mayBePassedOn: this.head.status >= 400,
    }));
    this.#settle({ ok: false, failure, answer: mayBePassedOn ? this : undefined });
    if (!mayBePassedOn) this.discard();
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

  /** Something threw that must not: the attempt fails, or its answer breaks off. */
  readonly #fault = (error: unknown): void => {
    this.#options.onObserverError(error);
    const cause = asError(error);
    if (this.#resolve) this.#settle({ ok: false, failure: failureOf(cause, false), answer: undefined });
    else this.#sink?.broken(cause);
    this.discard();
  };

  #settle(result: AttemptResult): void {
    clearTimeout(this.#timer);
    this.#body.release();
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

/** Undefined for what is no length. */
function readLength(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
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

function discardReason(): Error {
  return new Error("the answer is not wanted");
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
