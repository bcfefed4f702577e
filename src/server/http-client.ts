// The pipeline's client over HTTP: a request of node:http as a source, its response as a sink.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { AnswerHead, ClientSink, RequestSource } from "../relay/client.ts";
import { type BodyStall, bodyStall } from "../relay/read-body.ts";
import { systemClock } from "../time/clock.ts";

export interface HttpSinkOptions {
  /** Raw pairs that every answer has besides its own. */
  headers?: readonly string[];
  /** A client that reads nothing for so long, while something waits for it, is disconnected; a tenth later at most. */
  stallTimeoutMs?: number;
  /** How long a client may take to read what was sent before its connection is reset. */
  resetGraceMs?: number;
  /** How long a connection that ends with its answer is still read. */
  lingerMs?: number;
  /** From the error event of a converted answer to the end of its connection: time for the client to read it. */
  errorGraceMs?: number;
}

/** @param onBodyWanted see RequestSource. */
export function httpSource(request: IncomingMessage, onBodyWanted?: () => void): RequestSource {
  return {
    method: request.method ?? "GET",
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    body: hasBody(request) ? request : undefined,
    givesPieces: true,
    onBodyWanted,
  };
}

/** RFC 9112, section 6.3: a request without either header has no body. */
function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) !== 0);
}

export function createHttpSink(response: ServerResponse, options: HttpSinkOptions = {}): ClientSink {
  endWhenStalled(response, options.stallTimeoutMs ?? 900_000);
  return new HttpSink(response, {
    headers: [],
    resetGraceMs: 5000,
    errorGraceMs: 50,
    lingerMs: 5000,
    ...options,
  });
}

/** Looks are this much more frequent than the limit: an answer ends so much of it later at most. */
const looksPerStall = 10;

/**
 * Node watches whether any byte leaves, and calls back when none did since it last looked. Its first look at a write only notes how
 * much is left, and one look alone would end an answer between one and two limits. A socket that has nothing to send is idle as well,
 * and that is no fault.
 */
function endWhenStalled(response: ServerResponse, limitMs: number): void {
  const lookMs = Math.ceil(limitMs / looksPerStall);
  let looks = 0;
  let lookedAt = 0;
  response.setTimeout(lookMs, () => {
    const { socket } = response;
    if (!socket || socket.writableLength === 0) return;
    const now = systemClock.monotonic();
    // After a look at which bytes had left Node does not call.
    looks = now - lookedAt > lookMs * 1.5 ? 1 : looks + 1;
    lookedAt = now;
    if (looks >= looksPerStall) socket.resetAndDestroy();
    else socket.setTimeout(lookMs);
  });
}

type SinkOptions = Required<Omit<HttpSinkOptions, "stallTimeoutMs">>;

class HttpSink implements ClientSink {
  readonly #response: ServerResponse;
  readonly #options: SinkOptions;

  constructor(response: ServerResponse, options: SinkOptions) {
    this.#response = response;
    this.#options = options;
  }

  get hasStarted(): boolean {
    return this.#response.headersSent;
  }

  start({ status, headers }: AnswerHead): void {
    this.#response.writeHead(status, [...headers, ...this.#options.headers]);
  }

  flush(): void {
    this.#response.flushHeaders();
  }

  write(chunk: Buffer): boolean {
    return this.#response.write(chunk);
  }

  onDrain(listener: () => void): () => void {
    this.#response.on("drain", listener);
    return () => void this.#response.off("drain", listener);
  }

  end(rest: Buffer | string = ""): void {
    endAnswer(this.#response, { last: rest, ...bodyStall, lingerMs: this.#options.lingerMs });
  }

  endWithError(last: Buffer): void {
    this.#response.write(last);
    this.#reset(this.#options.errorGraceMs);
  }

  breakOff(): void {
    if (!this.hasStarted) return void this.#response.destroy();
    this.#reset(0);
  }

  /**
   * The connection is reset, not closed: after a reset Gemini CLI asks again, and fails for good after a mere close (seen in
   * Gemini CLI 0.61); and in HTTP/1.0, where an answer ends with its connection, nothing else shows that it is not whole.
   */
  #reset(afterMs: number): void {
    const { socket } = this.#response;
    if (!socket) return void this.#response.destroy();
    const reset = () => void socket.resetAndDestroy();
    // Called back when everything before it has gone out.
    socket.write("", () => (afterMs > 0 ? setTimeout(reset, afterMs) : reset()));
    setTimeout(reset, this.#options.resetGraceMs).unref();
  }
}

export interface Ending extends BodyStall {
  /** The last bytes of the answer. */
  last: Buffer | string;
  /** How long what still comes is read and dropped before a connection is closed that does not outlive the answer. */
  lingerMs: number;
}

/**
 * Ends an answer whose head is written. Where the connection is closed after it, the last bytes are sent at once (the
 * content-length says that they are the last) and the socket is closed when the whole body has come.
 */
function endAnswer(response: ServerResponse, ending: Ending): void {
  const { req: request, socket } = response;
  if (request.complete || !socket || socket.destroyed) return void response.end(ending.last);
  // It may have been paused for want of memory.
  request.resume();
  if (response.shouldKeepAlive) closeWhenSlow(response, ending);
  else closeLater(response, ending);
}

/** node:http reads what is left of the body by itself. */
function closeWhenSlow(response: ServerResponse, { last, stallMs, stallBytes }: Ending): void {
  // Both are taken from the response when it is over.
  const { req: request, socket } = response;
  response.end(last);
  let before = socket?.bytesRead ?? 0;
  const watch = setInterval(() => {
    if (request.complete || !socket || socket.destroyed) return clearInterval(watch);
    if (socket.bytesRead - before < stallBytes) socket.destroy();
    before = socket.bytesRead;
  }, stallMs).unref();
}

function closeLater(response: ServerResponse, { last, lingerMs }: Ending): void {
  response.write(last);
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  response.req.once("end", end);
  response.once("close", () => clearTimeout(timer));
}
