// Reads an answer that is not forwarded as it comes, within a bound.

import type { Answer } from "./answer.ts";
import { createAnswerMemory } from "./answer-memory.ts";
import type { MemoryShare } from "./memory-share.ts";

export interface ReadAnswer {
  body: Buffer;
  /** False when the upstream broke off, or had more to say than the bound allows: then `body` is what came by then. */
  isWhole: boolean;
}

export interface ReadAnswerOptions {
  maxBytes: number;
  signal: AbortSignal;
  /** Of the answers that are read together; undefined: what they take is not counted. */
  memory?: MemoryShare | undefined;
}

/** Rejects with the signal's reason, and with RelayError("memory_exhausted"). */
export function readAnswer(
  answer: Answer,
  { maxBytes, signal, memory }: ReadAnswerOptions,
): Promise<ReadAnswer> {
  return new Promise((resolve, reject) => {
    const held = createAnswerMemory(memory);
    const fail = (error: unknown) => {
      answer.discard();
      reject(error);
    };
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (isWhole: boolean) =>
      resolve({ body: Buffer.concat(chunks).subarray(0, maxBytes), isWhole });
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    const take = (chunk: Buffer) => {
      if (size > maxBytes) return;
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxBytes) {
        answer.discard();
        return finish(false);
      }
      try {
        const turn = held.hold(size);
        if (!turn) return;
        answer.pause();
        turn.then(() => answer.resume(), fail);
      } catch (error) {
        fail(error);
      }
    };
    answer.pipe({
      data: take,
      end(last) {
        if (last) take(last);
        finish(true);
      },
      broken: () => finish(false),
    });
  });
}
