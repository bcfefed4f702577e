// Makes one request whose answer is small, and keeps what arrived of it even when the connection then breaks.

import type { Dispatcher } from "undici";
import type { Wanted, WatchedDispatch } from "../network/watched-client.ts";

export interface SmallRequest {
  dispatcher: Dispatcher;
  url: URL;
  method: "GET" | "POST";
  /** Raw pairs. */
  headers: readonly string[];
  body?: string;
  signal: AbortSignal;
  /** More than that is not read. */
  maxBytes: number;
  /** Called once, when the first JSON object of the answer has ended: true when what is there is all that is wanted. */
  isEnough?: (status: number, body: string) => boolean;
}

export interface SmallAnswer {
  status: number;
  /** Lower-case names; the first of repeated ones. */
  header(name: string): string | undefined;
  /** "" when the answer was larger than allowed. */
  body: string;
  /** Why the rest of the body never came; undefined when it did. */
  truncatedBy: Error | undefined;
}

/**
 * Redirects are not followed. Rejects only while there is no answer at all. undici's own body stream is not used: it forgets
 * the chunks that were not read yet when the connection breaks, and one of them may hold a token that exists nowhere else.
 */
export function fetchSmallAnswer(request: SmallRequest): Promise<SmallAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<SmallAnswer>();
  const { signal, url } = request;
  let controller: Dispatcher.DispatchController | undefined;
  let head: { status: number; headers: Record<string, string | string[] | undefined> } | undefined;
  const chunks: Buffer[] = [];
  const objectEnd = createObjectEnd();
  let size = 0;

  const text = () => (size > request.maxBytes ? "" : Buffer.concat(chunks).toString("utf8"));
  const finish = (error: Error | undefined) => {
    signal.removeEventListener("abort", abort);
    if (head === undefined) return reject(error ?? new Error("there was no answer"));
    const { status, headers } = head;
    resolve({ status, header: (name) => [headers[name]].flat()[0], body: text(), truncatedBy: error });
  };
  const wanted: Wanted = {};
  const abort = () => {
    // The dispatcher reports it only once the request has a connection, which may be never.
    finish(signal.reason as Error);
    wanted.cancel?.(signal.reason);
    controller?.abort(signal.reason as Error);
  };
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) {
    abort();
    return promise;
  }

  const sent: WatchedDispatch = {
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: request.method,
    headers: [...request.headers],
    body: request.body,
    wanted,
  };
  request.dispatcher.dispatch(sent, {
    onRequestStart(started) {
      controller = started;
      if (signal.aborted) started.abort(signal.reason as Error);
    },
    onResponseStart(_controller, status, headers) {
      if (status >= 200) head = { status, headers };
    },
    onResponseData(running, chunk) {
      size += chunk.length;
      if (size <= request.maxBytes) chunks.push(chunk);
      const isEnough = objectEnd.push(chunk) && request.isEnough?.(head?.status ?? 0, text()) === true;
      if (size <= request.maxBytes && !isEnough) return;
      finish(undefined);
      running.abort(new Error("the rest of the answer is not wanted"));
    },
    onResponseEnd: () => finish(undefined),
    onResponseError: (_controller, error) => finish(error),
  });
  return promise;
}

/** Finds the end of a JSON object in an answer that comes in pieces, looking at each byte once. */
export interface ObjectEnd {
  /** Whether the piece ended the first object of the answer. True once at most. */
  push(piece: Uint8Array): boolean;
}

const [quote, backslash, open, close] = [0x22, 0x5c, 0x7b, 0x7d];

export function createObjectEnd(): ObjectEnd {
  let depth = 0;
  let inString = false;
  let isEscaped = false;
  let isOver = false;
  function step(byte: number): boolean {
    if (isEscaped) isEscaped = false;
    else if (inString) {
      if (byte === backslash) isEscaped = true;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === open) depth++;
    else if (byte === close) return --depth === 0;
    return false;
  }
  return {
    push(piece) {
      if (isOver) return false;
      for (const byte of piece) {
        if (!step(byte)) continue;
        isOver = true;
        return true;
      }
      return false;
    },
  };
}
