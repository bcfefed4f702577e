// Converts large requests in a thread of their own: parsing megabytes would hold up every other request for so long.

import { extname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { RelayError } from "../../domain/errors.ts";
import { type ConvertedBody, convertBody } from "./conversion.ts";
import { InvalidChatRequest, type InvalidCode } from "./invalid.ts";

/** A body goes over in parts: to copy the whole at once would hold everybody up, too. */
export interface ThreadRequest {
  part: Uint8Array;
  isLast: boolean;
}

/** What the thread answers to a body. */
export type ThreadAnswer =
  | { ok: true; converted: ConvertedBody }
  | { ok: false; refusal: { param: string | undefined; message: string; apiCode: InvalidCode | undefined } }
  | { ok: false; fault: string };

/** Up to here a conversion takes a few milliseconds at most, whatever is in it. */
const maxInlineBytes = 128 * 1024;
const bytesPerTurn = 512 * 1024;
/** Without work for so long the thread ends and gives its memory back. */
const idleMs = 10_000;

export interface ConversionThread {
  /** Throws or rejects with InvalidChatRequest. Small bodies are converted at once. */
  convert(body: Buffer): ConvertedBody | Promise<ConvertedBody>;
}

/** The thread is started when it is first needed, and keeps no process alive that has nothing else to do. */
export function createConversionThread(): ConversionThread {
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  const waiting: PromiseWithResolvers<ConvertedBody>[] = [];
  /** Bodies go over one after another. */
  let handing: Promise<void> = Promise.resolve();

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
    if (answer.ok) asked?.resolve(answer.converted);
    else asked?.reject(errorOf(answer));
    if (waiting.length > 0) return;
    worker?.unref();
    idle = setTimeout(() => void worker?.terminate(), idleMs).unref();
  }

  /** Out of memory, above all: then the waiting calls fail, and the next one gets a new thread. */
  function lose(lost: Worker, cause: Error): void {
    if (worker !== lost) return;
    worker = undefined;
    for (const asked of waiting.splice(0)) {
      asked.reject(new RelayError("internal", "cc-relay could not convert this request.", { cause }));
    }
  }

  async function handOver(body: Buffer, asked: PromiseWithResolvers<ConvertedBody>): Promise<void> {
    clearTimeout(idle);
    worker ??= start();
    worker.ref();
    const taker = worker;
    waiting.push(asked);
    for (let at = 0; at < body.length && worker === taker; at += bytesPerTurn) {
      if (at > 0) await nextTurn();
      // A copy of its own to give away: the body may have to be sent again.
      const part = new Uint8Array(body.subarray(at, at + bytesPerTurn));
      const request: ThreadRequest = { part, isLast: at + bytesPerTurn >= body.length };
      taker.postMessage(request, [part.buffer]);
    }
  }

  return {
    convert(body) {
      if (body.length <= maxInlineBytes) return convertBody(body);
      const asked = Promise.withResolvers<ConvertedBody>();
      handing = handing.then(() => handOver(body, asked)).catch(asked.reject);
      return asked.promise;
    },
  };
}

function errorOf(answer: ThreadAnswer & { ok: false }): Error {
  if ("fault" in answer) return new Error(answer.fault);
  const { param, message, apiCode } = answer.refusal;
  return InvalidChatRequest.ofText(message, { param, apiCode });
}
