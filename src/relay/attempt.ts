// One attempt on one account: sends the request and holds the answer back until it is known to be good.
// Nothing has gone to the client while an attempt is undecided, so any other account may still answer.

import type { Dispatcher } from "undici";
import type { ReplyHead, Upstream, UpstreamRequest } from "../account-kinds/upstream.ts";
import { DecodeError, decodeBody, decodingBytes, observeDecoded } from "../coding/decoded.ts";
import { parseCodings } from "../coding/decoder.ts";
import type { Call } from "../domain/call.ts";
import { asError } from "../domain/errors.ts";
import type { Failure } from "../domain/failure.ts";
import type { Wanted, WatchedDispatch } from "../network/watched-client.ts";
import type { Timer, Timers } from "../time/timers.ts";
import type { Answer } from "./answer.ts";
import { createAnswerMemory } from "./answer-memory.ts";
import { classifyAnswer, guardClassifier } from "./classify-answer.ts";
import { HeldAnswer } from "./held-answer.ts";
import type { MemoryShare } from "./memory-share.ts";
import { failureOf } from "./network-failure.ts";
import { createRequestBody, type RequestBody } from "./request-body.ts";

export interface AttemptOptions {
  dispatcher: Pick<Dispatcher, "dispatch">;
  request: UpstreamRequest;
  upstream: Upstream;
  call: Call;
  timeouts: AttemptTimeouts;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  /** Of the request's answers together; undefined: what they take is not counted. */
  memory?: MemoryShare | undefined;
  now: () => number;
  timers: Timers;
  /** Called with what an observer or a classifier throws: it costs the observation, or this attempt, and nothing else. */
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
  | {
      ok: false;
      failure: Failure;
      answer: Answer | undefined;
      /** Of a refused upgrade, which leaves no answer. */
      refusedWith?: number | undefined;
    };

const defaultHoldMs = 5000;
/** It also ends when this much is held, which bounds the memory of an undecided answer. */
const maxHeldBytes = 1024 * 1024;
/** So much of an error is read. */
export const maxErrorBytes = 256 * 1024;

export function attempt(options: AttemptOptions): Promise<AttemptResult> {
  return new Promise((resolve) => {
    new Attempt(options, resolve).send();
  });
}

/** The undici handler of one attempt. It watches the answer until `#decide`, and hands it what comes from there on. */
class Attempt implements Dispatcher.DispatchHandler {
  /** Without the request: its body is not to live as long as its answer. */
  readonly #options: Omit<AttemptOptions, "request">;
  readonly #target: Pick<UpstreamRequest, "origin" | "path" | "method">;
  readonly #answer: HeldAnswer;
  readonly #body: RequestBody;
  /** How the dispatcher learns that the request is not wanted any more, while its connection is still being made. */
  readonly #wanted: Wanted = {};
  #resolve: ((result: AttemptResult) => void) | undefined;
  #timer: Timer | undefined;
  /** The whole request has been handed to the connection. */
  #isSent = false;

  constructor({ request, ...options }: AttemptOptions, resolve: (result: AttemptResult) => void) {
    const { memory, timers, timeouts } = options;
    const { idleMs } = timeouts;
    this.#options = options;
    this.#target = { origin: request.origin, path: request.path, method: request.method };
    this.#body = createRequestBody(request);
    this.#resolve = resolve;
    this.#answer = new HeldAnswer({
      ...{ timers, idleMs },
      memory: createAnswerMemory(memory),
      onShort: (error) => this.#runShort(error),
      onIdle: () => this.#timeOut(idleMs),
      onDiscard: () => {
        this.#stopWatching();
        this.#body.release();
        this.#wanted.cancel?.(new Error("the answer is not wanted"));
      },
    });
  }

  send(): void {
    const { dispatcher, timeouts, timers, signal } = this.#options;
    const { origin, path, method } = this.#target;
    if (signal.aborted) return this.#leave();
    signal.addEventListener("abort", this.#leave, { once: true });
    this.#timer = timers.after(timeouts.firstByteMs, () => this.#timeOut(timeouts.firstByteMs));
    try {
      const request: WatchedDispatch = {
        origin,
        path,
        method: method as Dispatcher.HttpMethod,
        ...this.#body.framed,
        wanted: this.#wanted,
        onFlushed: this.#options.call.memory?.send(),
      };
      dispatcher.dispatch(request, this);
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Cancelled while the connection was being made: the request must not go out later.
    this.#answer.connect(controller);
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
    const { call, upstream, now, timeouts, timers, onObserverError } = this.#options;
    this.#answer.begin({ status, headers }, controller.rawHeaders, now());
    // Nobody else reads them, and they would stay as long as the answer lasts.
    controller.rawHeaders = null;
    this.#timer?.stop();
    this.#timer = timers.after(timeouts.holdMs ?? defaultHoldMs, () => this.#decide());
    if (status >= 300) return;
    const encoding = headers["content-encoding"]?.toString();
    this.#observe(() => {
      const observer = upstream.observe(call);
      this.#answer.observer = observeDecoded({
        encoding,
        accepted: call.acceptEncoding,
        observer,
        memory: createAnswerMemory(this.#options.memory),
        onError: onObserverError,
      });
    });
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    // A parser that is resumed with nothing to read hands out empty pieces. They are no sign of life and no progress.
    if (chunk.length === 0) return;
    const { observer } = this.#answer;
    if (observer !== undefined) {
      try {
        observer.push(chunk);
      } catch (error) {
        this.#dropObserver(error);
      }
    }
    this.#answer.take(chunk);
    if (this.#resolve) this.#considerHeld();
  }

  onResponseEnd(): void {
    const answer = this.#answer;
    this.#observe(() => answer.observer?.end());
    this.#stopWatching();
    answer.stopWatching();
    answer.isWhole = true;
    if (answer.isPiped) this.#whenObserved(() => answer.finish());
    else this.#decide();
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail(error);
  }

  /** After the observer has seen all that came. What fails then breaks the answer off. */
  #whenObserved(work: () => void): void {
    const settled = this.#answer.observer?.settled?.();
    if (settled) settled.then(work).catch(this.#fault);
    else work();
  }

  /** Decides as soon as what has come suffices. */
  #considerHeld(): void {
    const { head, receivedBytes } = this.#answer;
    if (receivedBytes >= (head.status >= 400 ? maxErrorBytes : maxHeldBytes)) return this.#decide();
    if (head.status >= 300) return;
    this.#whenObserved(() => this.#considerOpening());
  }

  #considerOpening(): void {
    const { observer } = this.#answer;
    if (!observer || observer.opening.kind === "pending") return;
    // A document may still break off, and is sent in one piece when it is whole.
    const isWaitedFor = observer.form === "document" && this.#options.call.streamForm !== "json-array";
    if (observer.opening.kind === "content" && isWaitedFor) return;
    this.#decide();
  }

  #decide(): void {
    if (!this.#resolve || this.#answer.isDiscarded) return;
    this.#timer?.stop();
    this.#answer.holdBack();
    // Its end may come while what is decided by is still being decoded, and what came before that end with it.
    const { isWhole } = this.#answer;
    if (this.#answer.head.status < 300) this.#whenObserved(() => this.#decideOpening(isWhole));
    else this.#decideError().catch(this.#fault);
  }

  #decideOpening(isWhole: boolean): void {
    const { call, upstream, now, onObserverError } = this.#options;
    if (!this.#resolve) return;
    const { head, observer } = this.#answer;
    const verdict = guardClassifier(onObserverError, () =>
      classifyAnswer({ status: head.status, observer, isWhole }, (event) =>
        upstream.readErrorEvent(event, call, now()),
      ),
    );
    if (!verdict) return this.#settle({ ok: true, answer: this.#answer });
    this.#settleFailed(verdict);
  }

  async #decideError(): Promise<void> {
    const { call, upstream, now, onObserverError } = this.#options;
    const { head, held } = this.#answer;
    const coded = Buffer.concat(held);
    const encoding = head.headers["content-encoding"]?.toString();
    const body = await this.#decodeError(coded, encoding);
    this.#answer.reserve(0)?.catch(() => {});
    const verdict = guardClassifier(onObserverError, () => ({
      failure: upstream.readFailure(head, body, call, now()),
      // A redirect is not followed, and no client could.
      mayBePassedOn: head.status >= 400,
    }));
    this.#settleFailed(verdict);
  }

  async #decodeError(coded: Buffer, encoding: string | undefined): Promise<Buffer> {
    try {
      const codings = parseCodings(encoding);
      if (codings.length === 0) return coded;
      await this.#answer.reserve(decodingBytes(coded, codings, maxErrorBytes));
      return await decodeBody(coded, encoding, maxErrorBytes);
    } catch (error) {
      if (error instanceof DecodeError) return coded;
      throw error;
    }
  }

  #settleFailed({ failure, mayBePassedOn }: { failure: Failure; mayBePassedOn: boolean }): void {
    this.#settle({ ok: false, failure, answer: mayBePassedOn ? this.#answer : undefined });
    if (!mayBePassedOn) this.#answer.discard();
  }

  #timeOut(ms: number): void {
    const error = new Error(`no answer within ${Math.round(ms / 1000)} s`);
    error.name = "TimeoutError";
    this.#fail(error);
  }

  #fail(error: Error): void {
    if (!this.#answer.breakOff(error)) return;
    this.#stopWatching();
    this.#wanted.cancel?.(error);
    if (this.#resolve)
      this.#settle({ ok: false, failure: failureOf(error, this.#isSent), answer: undefined });
  }

  /** An answer that is decided goes on, and what its observer kept is not read: nobody else would answer better. */
  #runShort(error: Error): void {
    if (this.#resolve) return this.#fail(error);
    this.#answer.observer?.forget?.();
    this.#options.onObserverError(error);
  }

  readonly #leave = (): void => {
    this.#settle({ ok: false, failure: { kind: "aborted" }, answer: undefined });
    this.#answer.discard();
  };

  /** Something threw that must not: the attempt fails, or its answer breaks off. */
  readonly #fault = (error: unknown): void => {
    this.#options.onObserverError(error);
    const cause = asError(error);
    if (this.#resolve) this.#settle({ ok: false, failure: failureOf(cause, false), answer: undefined });
    this.#answer.spoil(cause);
  };

  #settle(result: AttemptResult): void {
    this.#timer?.stop();
    this.#body.release();
    this.#resolve?.(result);
    this.#resolve = undefined;
  }

  #stopWatching(): void {
    this.#timer?.stop();
    this.#options.signal.removeEventListener("abort", this.#leave);
  }

  /** An observer is a guest: when it fails, it goes, and the answer goes on. */
  #observe(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#dropObserver(error);
    }
  }

  #dropObserver(error: unknown): void {
    this.#answer.observer = undefined;
    this.#options.onObserverError(error);
  }
}
