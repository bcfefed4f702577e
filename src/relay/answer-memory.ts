// What one answer takes of the memory that all bodies share, while it is held back, read, decoded or converted.

import type { HeldMemory } from "../coding/decoded.ts";
import { RelayError } from "../domain/errors.ts";
import { MemoryExhausted, type MemoryShare } from "./memory-share.ts";

/** So much is counted and never waited for: an answer of the usual size does not wait for the large bodies of others. */
export const usualBytes = 64 * 1024;

/** @param share of the request's answers together; undefined: nothing is counted. */
export function createAnswerMemory(share: MemoryShare | undefined): HeldMemory {
  let taken = 0;
  let wanted = 0;
  let turn: Promise<void> | undefined;
  /** Who has waited in vain and goes on all the same, without its usage, is not held up again. */
  let mayWait = true;

  function advance(): Promise<void> | undefined {
    if (share === undefined || wanted === taken) return undefined;
    if (wanted < taken) {
      share.shrink(taken - wanted);
      taken = wanted;
      return undefined;
    }
    if (taken < usualBytes) {
      const usual = Math.min(wanted, usualBytes) - taken;
      share.count(usual);
      taken += usual;
    }
    const more = wanted - taken;
    if (more === 0) return undefined;
    const waiting = grow(share, more, mayWait);
    if (waiting === undefined) {
      taken += more;
      return undefined;
    }
    turn = waiting
      .then(
        () => {
          taken += more;
        },
        (error: unknown) => {
          mayWait = false;
          throw error;
        },
      )
      .finally(() => {
        turn = undefined;
      })
      .then(advance);
    // Rejected for everybody who waits for it; nobody does where the answer has been dropped meanwhile.
    turn.catch(() => {});
    return turn;
  }

  function hold(bytes: number): Promise<void> | undefined {
    wanted = bytes;
    return turn ?? advance();
  }

  return {
    hold,
    release() {
      // What is still waited for is given back as soon as it is there.
      hold(0)?.catch(() => {});
    },
  };
}

function grow(share: MemoryShare, bytes: number, mayWait: boolean): Promise<void> | undefined {
  try {
    return share.grow(bytes, mayWait)?.catch((error: unknown) => {
      throw asAnswerError(error);
    });
  } catch (error) {
    throw asAnswerError(error);
  }
}

function asAnswerError(error: unknown): unknown {
  if (!(error instanceof MemoryExhausted)) return error;
  const limit = `${Math.round(error.maxBytes / 1048576)} MB of server.memory_mb`;
  return error.isTooLarge
    ? new RelayError(
        "memory_exhausted",
        `The provider's answer needs more memory than the ${limit}; ask for less or for a stream, or raise that in config.toml.`,
        { shouldRetry: false, cause: error },
      )
    : new RelayError(
        "memory_exhausted",
        `Other bodies take all ${limit}, and none is left for this answer; please retry your request in a moment, or raise that in config.toml.`,
        { retryAfterSeconds: memoryRetrySeconds, cause: error },
      );
}

/** Bodies are received and read within seconds. */
export const memoryRetrySeconds = 5;
