// The pipeline's client over HTTP: a request of node:http as a source, its response as a sink.

import type { IncomingMessage, ServerResponse } from "node:http";
import { createStallWatch, type StallWatch } from "../network/stall.ts";
import { type BodyStall, bodyStall } from "../relay/body-stall.ts";
import type { AnswerHead, ClientSink, RequestSource } from "../relay/client.ts";
import { systemTimers, type Timers } from "../time/timers.ts";

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
  /** The system's when absent. */
  timers?: Timers;
}

/** So much waits for any client that is not the fastest. */
const usualWaitingBytes = 64 * 1024;

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
  return new HttpSink(response, {
    headers: [],
    stallTimeoutMs: 900_000,
    resetGraceMs: 5000,
    errorGraceMs: 50,
    lingerMs: 5000,
    timers: systemTimers,
    ...options,
  });
}

class HttpSink implements ClientSink {
  readonly #response: ServerResponse;
  readonly #options: Required<HttpSinkOptions>;
  #stall: StallWatch | undefined;

  constructor(response: ServerResponse, options: Required<HttpSinkOptions>) {
    this.#response = response;
    this.#options = options;
  }

  get hasStarted(): boolean {
    return this.#response.headersSent;
  }

  start({ status, headers }: AnswerHead): void {
    const own = this.#options.headers;
    this.#response.writeHead(status, own.length === 0 ? [...headers] : [...headers, ...own]);
  }

  flush(): void {
    this.#response.flushHeaders();
  }

  write(chunk: Buffer): boolean {
    const hasRoom = this.#response.write(chunk);
    if (!hasRoom) this.#watchStall();
    return hasRoom;
  }

  onDrain(listener: () => void): () => void {
    this.#response.on("drain", listener);
    return () => void this.#response.off("drain", listener);
  }

  get waitingBytes(): number {
    const { socket, writableLength } = this.#response;
    return socket && writableLength > usualWaitingBytes ? writableLength : 0;
  }

  onTaken(listener: () => void): void {
    if (this.#response.socket) this.#response.once("close", listener);
    else listener();
  }

  end(rest: Buffer | string = ""): void {
    const { lingerMs, timers } = this.#options;
    endAnswer(this.#response, { last: rest, ...bodyStall, lingerMs, timers });
    if (this.#response.socket?.writableLength !== 0) this.#watchStall();
  }

  endWithError(last: Buffer): void {
    this.#response.write(last);
    this.#reset(this.#options.errorGraceMs);
  }

  breakOff(): void {
    if (!this.hasStarted) return void this.#response.destroy();
    this.#reset(0);
  }

  #watchStall(): void {
    const { socket } = this.#response;
    // The answer to the request before has the connection.
    if (!socket) return void this.#response.once("socket", () => this.#watchStall());
    if (this.#stall === undefined) {
      const stall = createStallWatch(socket, {
        limitMs: this.#options.stallTimeoutMs,
        timers: this.#options.timers,
        onStall: () => socket.resetAndDestroy(),
      });
      this.#stall = stall;
      // The kernel has all of it. The connection may have many more answers before the watch would look again.
      this.#response.once("close", () => stall.stop());
    }
    this.#stall.begin();
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
    const { timers, resetGraceMs } = this.#options;
    socket.write("", () => (afterMs > 0 ? timers.after(afterMs, reset) : reset()));
    timers.after(resetGraceMs, reset).unref();
  }
}

export interface Ending extends BodyStall {
  /** The last bytes of the answer. */
  last: Buffer | string;
  /** How long what still comes is read and dropped before a connection is closed that does not outlive the answer. */
  lingerMs: number;
  timers: Timers;
}

/**
 * Ends an answer whose head is written. Where the connection is closed after it, the last bytes are sent at once (the
 * content-length says that they are the last) and the socket is closed when the whole body has come.
 */
function endAnswer(response: ServerResponse, ending: Ending): void {
  const { req: request, socket } = response;
  if (request.complete || !socket || socket.destroyed) return endAtOnce(response, ending.last);
  // It may have been paused for want of memory.
  request.resume();
  if (response.shouldKeepAlive) closeWhenSlow(response, ending);
  else closeLater(response, ending);
}

/** Head and body are one string then, which goes out by the shorter way: node:http gives the system pieces otherwise. */
const maxTextBytes = 8192;

function endAtOnce(response: ServerResponse, last: Buffer | string): void {
  if (typeof last === "string" || last.length === 0 || last.length > maxTextBytes) response.end(last);
  else response.end(last.toString("latin1"), "latin1");
}

/** node:http reads what is left of the body by itself. */
function closeWhenSlow(response: ServerResponse, { last, stallMs, stallBytes, timers }: Ending): void {
  // Both are taken from the response when it is over.
  const { req: request, socket } = response;
  response.end(last);
  let before = socket?.bytesRead ?? 0;
  const look = () => {
    if (request.complete || !socket || socket.destroyed) return watch.stop();
    if (socket.bytesRead - before < stallBytes) socket.destroy();
    before = socket.bytesRead;
  };
  const watch = timers.every(stallMs, look).unref();
}

function closeLater(response: ServerResponse, { last, lingerMs, timers }: Ending): void {
  response.write(last);
  const end = () => {
    timer.stop();
    response.end();
  };
  const timer = timers.after(lingerMs, end);
  response.req.once("end", end);
  response.once("close", () => timer.stop());
}
