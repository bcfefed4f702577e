// Converts large requests and answers in a thread of their own: parsing megabytes would hold up every other request for so long.

import { extname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { RelayError, type RelayErrorCode } from "../../domain/errors.ts";
import type { AnswerOptions } from "./answer.ts";
import { type ConvertedBody, convertBody } from "./conversion.ts";
import { InvalidChatRequest, type InvalidCode } from "./invalid.ts";

/** A body goes over in parts: to copy the whole at once would hold everybody up, too. */
export interface ThreadRequest {
  part: Uint8Array;
  isLast: boolean;
  /** The body is an answer, to be converted so; undefined: it is a request. */
  answer: AnswerOptions | undefined;
}

/** What the thread answers to a body. */
export type ThreadAnswer =
  | { ok: true; converted: ConvertedBody }
  | { ok: true; bytes: Uint8Array }
  | { ok: false; refusal: { param: string | undefined; message: string; apiCode: InvalidCode | undefined } }
  | { ok: false; relayError: { code: RelayErrorCode; message: string } }
  | { ok: false; fault: string };

/** Up to here a conversion takes a few milliseconds at most, whatever is in it. */
export const maxInlineBytes = 128 * 1024;
const bytesPerTurn = 512 * 1024;
/** Without work for so long the thread ends and gives its memory back, some 20 MB. A new one has to start first. */
const usualIdleMs = 500;

export interface ConversionThread {
  /** Throws or rejects with InvalidChatRequest. Small bodies are converted at once. */
  convert(body: Buffer): ConvertedBody | Promise<ConvertedBody>;
  /** Of a whole answer, for a client that asked for no stream. Rejects with RelayError. */
  convertAnswer(pieces: readonly Buffer[], options: AnswerOptions): Promise<Buffer>;
}

type Order = PromiseWithResolvers<ThreadAnswer & { ok: true }>;

/** The thread is started when it is first needed, and keeps no process alive that has nothing else to do. */
export function createConversionThread({ idleMs = usualIdleMs } = {}): ConversionThread {
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  const waiting: Order[] = [];
  /** The next body goes over when this is done: what waits in the thread's own queue would be there twice. */
  let working: Promise<unknown> = Promise.resolve();

  function start(): Worker {
    const script = join(import.meta.dirname, `conversion-worker${extname(import.meta.filename)}`);
    const started = new Worker(script, { name: "chat conversion", stdout: false, stderr: false });
    started.on("message", (answer: ThreadAnswer) => settle(answer));
    started.on("error", (error) => lose(started, error));
    started.on("exit", () => lose(started, new Error("the thread ended")));
    return started;
  }

  function settle(answer: ThreadAnswer): void {
    const asked = waiting.shift();
    if (answer.ok) asked?.resolve(answer);
    else asked?.reject(errorOf(answer));
    if (waiting.length > 0) return;
    worker?.unref();
    idle = setTimeout(endIdle, idleMs).unref();
  }

  /** Forgotten at once: one that is ending would lose the next body. */
  function endIdle(): void {
    const ended = worker;
    worker = undefined;
    void ended?.terminate();
  }

  /** Out of memory, above all: then the waiting calls fail, and the next one gets a new thread. */
  function lose(lost: Worker, cause: Error): void {
    if (worker !== lost) return;
    worker = undefined;
    for (const asked of waiting.splice(0)) {
      asked.reject(
        new RelayError("internal", "cc-relay could not convert this request; please send it again.", {
          cause,
        }),
      );
    }
  }

  async function handOver(pieces: readonly Buffer[], answer: AnswerOptions | undefined, asked: Order) {
    // What reads the end of an answer comes before, in this very turn; everybody else has theirs between it and the start of the thread.
    await nextTurn();
    await nextTurn();
    clearTimeout(idle);
    worker ??= start();
    worker.ref();
    const taker = worker;
    waiting.push(asked);
    const last = pieces.length - 1;
    let turnBytes = 0;
    for (const [index, piece] of pieces.entries()) {
      for (let at = 0; at < piece.length && worker === taker; at += bytesPerTurn) {
        if (turnBytes >= bytesPerTurn) {
          await nextTurn();
          turnBytes = 0;
        }
        // A copy of its own to give away: the body may have to be sent again.
        const part = copyOf(piece.subarray(at, at + bytesPerTurn));
        turnBytes += part.length;
        const isLast = index === last && at + bytesPerTurn >= piece.length;
        taker.postMessage({ part, isLast, answer } satisfies ThreadRequest, [part.buffer]);
      }
    }
  }

  function order(pieces: readonly Buffer[], answer?: AnswerOptions): Order["promise"] {
    const asked: Order = Promise.withResolvers();
    const handed = working.then(() => handOver(pieces, answer, asked)).catch(asked.reject);
    working = Promise.allSettled([handed, asked.promise]);
    return asked.promise;
  }

  return {
    convert(body) {
      if (body.length <= maxInlineBytes) return convertBody(body);
      return order([body]).then((answer) => {
        if ("converted" in answer) return answer.converted;
        throw new Error("the thread mistook a request for an answer");
      });
    },
    async convertAnswer(pieces, { form, now, head }) {
      const answer = await order(pieces, { form, now, head: { headers: { ...head.headers } } });
      if (!("bytes" in answer)) throw new Error("the thread mistook an answer for a request");
      const { buffer, byteOffset, byteLength } = answer.bytes;
      return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
    },
  };
}

/** A buffer that can be resized is made of pages, which go back at once; malloc would keep what the other thread gives back. */
function copyOf(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(
    new ArrayBuffer(bytes.length, { maxByteLength: bytes.length }),
    0,
    bytes.length,
  );
  copy.set(bytes);
  return copy;
}

function errorOf(answer: ThreadAnswer & { ok: false }): Error {
  if ("fault" in answer) return new Error(answer.fault);
  if ("relayError" in answer) return new RelayError(answer.relayError.code, answer.relayError.message);
  const { param, message, apiCode } = answer.refusal;
  return InvalidChatRequest.ofText(message, { param, apiCode });
}
