// Answers and logs shortages of this machine (file descriptors, memory, ports): no account is touched, the client is asked to come back, and the
// log says it once a minute.

import { RelayError } from "../domain/errors.ts";
import type { Log } from "../telemetry/log.ts";
import { createRepetitions } from "../telemetry/repetitions.ts";
import type { Timers } from "../time/timers.ts";

export interface ShortageLog {
  report(shortage: string): void;
  /** Logs what was counted and not logged yet. */
  flush(): void;
}

export function createShortageLog(log: Pick<Log, "error">, timers?: Timers): ShortageLog {
  const shortages = createRepetitions<string>({
    kindOf: (reason) => ({ fine: reason, coarse: "" }),
    say: (reason, count) => log.error({ reason, count }, "short of resources"),
    timers,
  });
  return { report: shortages.record, flush: shortages.flush };
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
