// The body of a request as undici sends it, released as soon as it cannot be sent again: an open stream must not keep a
// conversation of megabytes in memory.

import type { Dispatcher } from "undici";
import type { UpstreamRequest } from "../account-kinds/upstream.ts";

export interface RequestBody {
  readonly framed: Pick<Dispatcher.DispatchOptions, "headers" | "body">;
  /** Called when no attempt needs it any more. */
  release(): void;
}

/** A piece that is not worth its own release; undici writes it at once. */
const smallBytes = 64 * 1024;

export function createRequestBody({ headers, body }: UpstreamRequest): RequestBody {
  if (body === undefined || (Buffer.isBuffer(body) && body.length <= smallBytes)) {
    return { framed: { headers, body: body ?? null }, release() {} };
  }
  let pieces: readonly Buffer[] = Buffer.isBuffer(body) ? [body] : body;
  let state: "unsent" | "sending" | "sent" = "unsent";
  let isReleased = false;
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const iterable = {
    *[Symbol.iterator]() {
      state = "sending";
      yield* pieces;
      state = "sent";
      if (isReleased) pieces = [];
    },
  };
  return {
    framed: {
      // Without a content-length undici would send a body of several pieces in chunked coding.
      headers: [...headers, "content-length", String(length)],
      // undici sends any iterable, though its type does not say so.
      body: iterable as unknown as Buffer,
    },
    release() {
      isReleased = true;
      // A provider may answer before it has read everything: what is under way is sent to its end.
      if (state !== "sending") pieces = [];
    },
  };
}
