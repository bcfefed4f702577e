// What it means that an answer cannot be rewritten to its end: for the attempt, or for the client that reads it already.

import { DecodeError } from "../coding/decoder.ts";
import { AnswerTooLarge, RelayError } from "../domain/errors.ts";
import type { AttemptResult } from "./attempt.ts";

/** Bodies take all of the memory that they may. */
export function isShortage(cause: Error): cause is RelayError {
  return cause instanceof RelayError && cause.code === "memory_exhausted";
}

/** While the client has seen nothing of it: how the attempt ends. */
export function unusable(cause: Error): AttemptResult {
  if (isShortage(cause)) return { ok: false, failure: { kind: "shortage", cause }, answer: undefined };
  if (cause.name === "TimeoutError") {
    const failure = {
      kind: "unreachable",
      cause,
      safeToRepeat: false,
      isAtWork: true,
      hasBegun: true,
    } as const;
    return { ok: false, failure, answer: undefined };
  }
  const limit = limitOfOurs(cause);
  if (limit !== undefined)
    return { ok: false, failure: { kind: "unreadable", reason: limit }, answer: undefined };
  const reason = `the provider's answer cannot be used (${cause.message})`;
  return { ok: false, failure: { kind: "server-error", status: 502, reason }, answer: undefined };
}

/** What the answer exceeds; it may be right all the same, and another account's would be as large. Undefined for any other fault. */
function limitOfOurs(cause: Error): string | undefined {
  if (cause instanceof AnswerTooLarge) return cause.reason;
  if (!(cause instanceof DecodeError)) return undefined;
  return cause.reason === "too-large" || cause.reason === "too-many" ? cause.message : undefined;
}

/**
 * Once the client has begun to read: the error that ends its stream. OpenAI's own clients ask again when a stream's error says "please retry your request".
 */
export function truncatedError(cause: Error): RelayError {
  if (cause instanceof RelayError) return cause;
  if (cause.name === "TimeoutError") {
    return new RelayError(
      "upstream_timeout",
      `The provider fell silent in the middle of its answer (${cause.message}); please retry your request.`,
      { cause },
    );
  }
  return new RelayError(
    "upstream_truncated",
    `The provider broke off its answer (${cause.message}); please retry your request.`,
    { cause },
  );
}
