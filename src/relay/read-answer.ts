// Reads an answer that is not forwarded as it comes, within a bound.

import type { Answer } from "./answer.ts";

export interface ReadAnswer {
  body: Buffer;
  /** False when the upstream broke off, or had more to say than the bound allows: then `body` is what came by then. */
  isWhole: boolean;
}

export interface ReadAnswerOptions {
  maxBytes: number;
  signal: AbortSignal;
}

/** Rejects with the signal's reason. */
export function readAnswer(answer: Answer, { maxBytes, signal }: ReadAnswerOptions): Promise<ReadAnswer> {
  return new Promise((resolve, reject) => {
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
      if (size <= maxBytes) return;
      answer.discard();
      finish(false);
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
