// Converts an answer for a client that asked for no stream: a small one as it comes, a large one in the conversion's thread.

import type { AsyncTransform } from "../../sse/transform.ts";
import { type AnswerOptions, checkAnswerSize, createChatAnswer } from "./answer.ts";
import { type ConversionThread, maxInlineBytes } from "./conversion-thread.ts";

export function createWholeAnswer(options: AnswerOptions, thread: ConversionThread): AsyncTransform {
  const small = createChatAnswer(options);
  const pieces: Buffer[] = [];
  let size = 0;
  let isWritten = false;
  return {
    headers: small.headers,
    // Small ones are here twice: as they came, and read.
    get heldBytes() {
      return isWritten ? 0 : size + (small.heldBytes ?? 0);
    },
    push(chunk) {
      // What follows the end is nobody's. An empty piece could not be the last one for the thread.
      if (isWritten || chunk.length === 0) return nothing;
      size += chunk.length;
      checkAnswerSize(size);
      pieces.push(chunk);
      if (size > maxInlineBytes) return nothing;
      const written = small.push(chunk);
      isWritten = written.length > 0;
      return written;
    },
    end: () => (isWritten || size <= maxInlineBytes ? small.end() : thread.convertAnswer(pieces, options)),
    fail: (error) => small.fail(error),
  };
}

const nothing = Buffer.alloc(0);
