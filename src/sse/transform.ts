// The contract between the relay and whatever rewrites an answer on its way to the client (Chat Completions, Code Assist).

import type { RelayError } from "../domain/errors.ts";

/** Rewrites one answer. Created per answer, after its first event was found good. Keeps bounded state only. */
export interface AnswerTransform {
  /** What was written ends with an error in the form of the client's API: it is no whole answer. Absent: never. */
  readonly hasFailed?: boolean;
  /** What is kept of what was pushed, until more comes or the end does. Absent: nothing to speak of. */
  readonly heldBytes?: number;
  /** The response headers for the client, raw pairs, in place of the upstream's `content-type` and `content-length`. */
  readonly headers: string[];
  /** The next upstream bytes, in chunks that can end anywhere; returns what can be sent now (may be empty). Throws when they cannot be rewritten. */
  push(chunk: Buffer): Buffer;
  /** The upstream ended cleanly; returns what is still to be sent. Throws a RelayError when the answer was incomplete. */
  end(): Buffer;
  /** The upstream broke off after bytes were sent: the bytes that end the answer with an error in its API's form, or undefined to destroy the socket. */
  fail(error: RelayError): Buffer | undefined;
}

/** A transform whose end may take time: a large document is converted in another thread. */
export interface AsyncTransform extends Omit<AnswerTransform, "end"> {
  /** As above; rejects in place of throwing. */
  end(): Buffer | Promise<Buffer>;
}
