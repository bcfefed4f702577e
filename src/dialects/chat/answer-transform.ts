// Converts an answer: events as they come, and what comes whole at its end, a large one in the conversion's thread.

import type { AsyncTransform } from "../../sse/transform.ts";
import { type AnswerOptions, checkAnswerSize, createChatAnswer, formOf } from "./answer.ts";
import { type ConversionThread, maxInlineBytes } from "./conversion-thread.ts";

/** For a client that asked for a stream, events go on as they come. A document may be in their place, and comes whole. */
export function createAnswer(options: AnswerOptions, thread: ConversionThread): AsyncTransform {
  if (!options.form.stream) return createWholeAnswer(options, thread);
  const streamed = createChatAnswer(options);
  let transform: AsyncTransform | undefined;
  /** Of blanks at the beginning, as much as a byte order mark has. */
  let lead = nothing;
  return {
    get hasFailed() {
      return (transform ?? streamed).hasFailed === true;
    },
    get heldBytes() {
      return (transform ?? streamed).heldBytes ?? 0;
    },
    headers: streamed.headers,
    push(chunk) {
      if (transform) return transform.push(chunk);
      const bytes = lead.length === 0 ? chunk : Buffer.concat([lead, chunk]);
      const form = formOf(bytes);
      if (form === undefined) {
        lead = Buffer.from(bytes.subarray(0, 3));
        return nothing;
      }
      transform = form === "document" ? createWholeAnswer(options, thread) : streamed;
      return transform.push(bytes);
    },
    end: () => (transform ?? streamed).end(),
    fail: (error) => streamed.fail(error),
  };
}

function createWholeAnswer(options: AnswerOptions, thread: ConversionThread): AsyncTransform {
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
