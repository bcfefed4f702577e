// The client as the pipeline sees it: a source of the request and a sink for the answer. HTTP is one implementation
// (server/http-client.ts), one frame of a WebSocket is another, and tests have their own.

import type { Readable } from "node:stream";
import type { Account } from "../accounts/account.ts";
import type { RenderedError } from "../dialects/dialect.ts";
import type { Call, HeaderMap } from "../domain/call.ts";

export interface RequestSource {
  readonly method: string;
  readonly headers: HeaderMap;
  /** Name, value, name, value … as they came. */
  readonly rawHeaders: readonly string[];
  /** In one piece, or as a stream that is read once; undefined when there is none. */
  readonly body: Readable | Buffer | undefined;
  /** The reader of the stream may give the memory of its pieces back. */
  readonly givesPieces?: boolean;
  /** Called before the body is read, when the key and the announced size are right: a client may wait for a sign to send it. */
  onBodyWanted?(): void;
}

export interface AnswerHead {
  status: number;
  /** Raw pairs, as they go out. */
  headers: readonly string[];
}

/**
 * Takes one answer. The order is: `start`, any number of `write`, then exactly one of `end`, `endWithError` and `breakOff`.
 * `breakOff` is allowed before `start` too. What is called after the client has left does nothing.
 */
export interface ClientSink {
  /** The head has been handed over: its status cannot be changed any more. */
  readonly hasStarted: boolean;
  /** Each piece that is written is a message of its own: pieces are never joined. */
  readonly keepsPieces?: boolean;
  start(head: AnswerHead): void;
  /** Sends the head now, though no byte of the answer is there yet. */
  flush(): void;
  /** Hands over the next bytes, in the pieces that the provider sent. False: more should wait until `onDrain` calls back. */
  write(chunk: Buffer): boolean;
  /** Calls back each time the client has taken what was written; returns a function that ends this. */
  onDrain(listener: () => void): () => void;
  /** What was written and the client has not taken, where it is more than a few pieces. Absent: never. */
  readonly waitingBytes?: number;
  /** Calls back when the client has taken what was written, or has left. There where `waitingBytes` is. */
  onTaken?(listener: () => void): void;
  /** The answer is whole with these last bytes. */
  end(rest?: Buffer | string): void;
  /**
   * Sends an error in the form of the answer's API as its last bytes and breaks the connection off shortly after: a clean end
   * would pass for a whole answer.
   */
  endWithError(last: Buffer): void;
  /** Ends the connection without ending the answer, after what was written has left. */
  breakOff(): void;
}

/** What the pipeline has to know of a client's connection that is longer than one request, and open to one account meanwhile. */
export interface ClientConnection {
  /** The account that it is open to, whose memory holds what requests over it continue; undefined: to none. */
  readonly accountId: string | undefined;
  /** It is only being opened: no request has come over it yet. */
  readonly isOpening: boolean;
  /** Whether it can be opened to this account. */
  canLeadTo(account: Account, call: Call): boolean;
  /** Whether a continuation may leave the account: its client sends everything again after an error which says that the account has lost it. */
  mayLeave(account: Account | undefined): boolean;
  /** A continuation leaves the account. */
  leaves(accountId: string): void;
}

/** What the client is still sending is read and dropped by its sink: closing under it would take this answer away too. */
export function sendRendered(sink: ClientSink, { status, headers, body }: RenderedError): void {
  sink.start({ status, headers: [...headers, "content-length", String(Buffer.byteLength(body))] });
  sink.end(body);
}
