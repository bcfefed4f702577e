// Answers and logs shortages of this machine (file descriptors, memory, ports): no account is touched, the client is asked to come back, and the
// log says it once a minute.

import { RelayError } from "../domain/errors.ts";
import type { Log } from "../telemetry/log.ts";

export interface ShortageLog {
  report(shortage: string): void;
}

const quietMs = 60_000;

export function createShortageLog(log: Log, monotonic: () => number): ShortageLog {
  let lastAt = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  return {
    report(shortage) {
      if (monotonic() - lastAt < quietMs) {
        unsaid++;
        return;
      }
      log.error({ reason: shortage, unsaid }, "short of resources");
      lastAt = monotonic();
      unsaid = 0;
    },
  };
}

/** Descriptors and ports come back as soon as other requests end. */
const retryAfterSeconds = 2;

export function shortageError(cause: Error): RelayError {
  return new RelayError(
    "out_of_resources",
    `cc-relay cannot serve this request now: ${cause.message}; send it again in a moment, or give the process more of it (descriptors: \`ulimit -n\`).`,
    { retryAfterSeconds, cause },
  );
}
