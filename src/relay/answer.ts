// A provider's answer in the pipeline, and the sink it is piped to: their types.

import type { ReplyHead } from "../account-kinds/upstream.ts";
import type { AnswerObserver } from "../usage/observer.ts";

/** A provider's answer, paused before its first byte goes out. */
export interface Answer {
  readonly head: ReplyHead;
  /** Name, value, name, value … as they came; empty once the answer is piped. */
  readonly rawHeaders: readonly (string | Buffer)[];
  /** In place of the provider's `content-type`, `content-length` and `content-encoding`; undefined: the bytes are the provider's. */
  readonly rewrittenHeaders?: readonly string[];
  /** Undefined for error answers. */
  readonly observer: AnswerObserver | undefined;
  /** Epoch ms of the response head. */
  readonly headAt: number;
  /** What has come and was not handed over yet. */
  readonly held: readonly Buffer[];
  /** The answer ended cleanly while it was held: `held` is all of it. */
  readonly isWhole: boolean;
  /** Asked when the answer has ended cleanly: what came is no whole answer all the same. */
  readonly isTruncated: boolean;
  /** It was broken off for want of this process's own memory, which says nothing of its account. Absent: never. */
  readonly isShort?: boolean;
  /** Hands over what was held and all that follows. Once only. */
  pipe(sink: Sink): void;
  pause(): void;
  resume(): void;
  /** Frees the connection; the answer is not wanted. */
  discard(): void;
}

/** What has to be done before an answer is piped. If it fails nobody takes the answer, and its connection must not stay open. */
export function orDiscard<T>(answer: Answer, work: () => T): T {
  try {
    return work();
  } catch (error) {
    answer.discard();
    throw error;
  }
}

/** Where an answer goes. Exactly one of `end` and `broken` comes, last. */
export interface Sink {
  /** The observer has the chunk already, and has seen it unless it is still being decoded. */
  data(chunk: Buffer): void;
  /** The answer has ended, and is whole. `last`: its last chunk, by which a client that knows the length sees that it has everything. */
  end(last?: Buffer): void;
  /**
   * The upstream broke off, fell silent, or ended before its answer was whole. `last` ends a rewritten answer with an error in the
   * form of the client's API.
   */
  broken(cause: Error, last?: Buffer): void;
}
