// HTTP's side of the pipeline's client: a request of node:http as a source, its response as a sink.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { AnswerHead, ClientSink, RequestSource } from "../relay/client.ts";

export interface HttpSinkTimes {
  /** A client that reads nothing for so long, while something waits for it, is disconnected. */
  stallTimeoutMs?: number;
  /** How long a client may take to read what was sent before its connection is reset. */
  resetGraceMs?: number;
  /** From the error event of a converted answer to the end of its connection: time for the client to read it. */
  errorGraceMs?: number;
}

export function httpSource(request: IncomingMessage): RequestSource {
  return {
    method: request.method ?? "GET",
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    body: hasBody(request) ? request : undefined,
  };
}

/** RFC 9112, section 6.3: a request without either header has no body. */
function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) !== 0);
}

export function createHttpSink(response: ServerResponse, times: HttpSinkTimes = {}): ClientSink {
  const { stallTimeoutMs = 900_000, resetGraceMs = 5000, errorGraceMs = 50 } = times;
  // Node watches whether any byte leaves. A socket that has nothing to send is idle as well, and that is no fault.
  response.setTimeout(stallTimeoutMs, () => {
    const { socket } = response;
    if (socket && socket.writableLength > 0) socket.resetAndDestroy();
  });
  return new HttpSink(response, { resetGraceMs, errorGraceMs });
}

class HttpSink implements ClientSink {
  readonly #response: ServerResponse;
  readonly #graces: { resetGraceMs: number; errorGraceMs: number };

  constructor(response: ServerResponse, graces: { resetGraceMs: number; errorGraceMs: number }) {
    this.#response = response;
    this.#graces = graces;
  }

  get hasStarted(): boolean {
    return this.#response.headersSent;
  }

  start({ status, headers }: AnswerHead): void {
    this.#response.writeHead(status, [...headers]);
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

  end(rest?: Buffer | string): void {
    this.#response.end(rest);
  }

  endWithError(last: Buffer): void {
    this.#response.write(last);
    this.#reset(this.#graces.errorGraceMs);
  }

  breakOff(): void {
    if (!this.hasStarted) return void this.#response.destroy();
    this.#reset(0);
  }

  /**
   * The connection is reset, not closed: after a reset Gemini CLI asks again, and fails for good after a mere close (seen in
   * Gemini CLI 0.61); and in HTTP/1.0, where an answer ends with its connection, nothing else tells that it is not whole.
   */
  #reset(afterMs: number): void {
    const { socket } = this.#response;
    if (!socket) return void this.#response.destroy();
    const reset = () => void socket.resetAndDestroy();
    // Called back when everything before it has gone out.
    socket.write("", () => (afterMs > 0 ? setTimeout(reset, afterMs) : reset()));
    setTimeout(reset, this.#graces.resetGraceMs).unref();
  }
}
