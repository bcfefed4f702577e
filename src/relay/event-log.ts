// Writes the log's lines about requests, one message per kind of event.

import type { RelayErrorCode } from "../domain/errors.ts";
import type { UsageRow } from "../store/usage-store.ts";
import type { Log } from "../telemetry/log.ts";
import { createRepetitions, type Repetitions } from "../telemetry/repetitions.ts";
import type { Timers } from "../time/timers.ts";
import { totalOf } from "../usage/observer.ts";
import type { RelayEvents, RequestRefused } from "./events.ts";

/** What ends requests for want of something that this machine has too little of: shortage.ts says it once a minute for all of them. */
const shortages: ReadonlySet<RelayErrorCode> = new Set(["out_of_resources", "memory_exhausted"]);

/** `flush` logs what was counted and not logged yet. */
export function logEvents(events: RelayEvents, log: Log, timers?: Timers): { flush(): void } {
  events.on("attemptFinished", ({ class: failure, ...attempt }) => {
    if (failure === "answered" || failure === "aborted") return;
    // A shortage is said once a minute by shortage.ts.
    const level = failure === "shortage" ? "debug" : "warn";
    log[level](
      {
        request: attempt.request,
        account: attempt.account,
        failure,
        ...(attempt.status !== undefined && { status: attempt.status }),
        reason: attempt.fullReason,
        next: attempt.next,
        ...(attempt.until !== undefined && { until: new Date(attempt.until).toISOString() }),
      },
      "attempt failed",
    );
  });
  events.on("requestFinished", ({ row, path, unreadable, error }) => {
    if (unreadable !== undefined) {
      log.warn({ request: row.requestId, account: row.account, reason: unreadable }, "usage unknown");
    }
    const level = error !== undefined && shortages.has(error) ? "debug" : "info";
    log[level](
      {
        request: row.requestId,
        client: row.client,
        route: row.route,
        model: row.model,
        ...(row.sentModel !== undefined && { sent_model: row.sentModel }),
        account: row.account,
        ...(path.length > 1 && { path }),
        status: row.status,
        outcome: row.outcome,
        ...(error && { error }),
        attempts: row.attempts,
        first_byte_ms: row.firstByteMs,
        total_ms: row.totalMs,
        ...figuresOf(row),
      },
      "request",
    );
  });
  const refusals = createRefusalLog(log, timers);
  events.on("requestRefused", (refusal) => {
    if (!shortages.has(refusal.error)) refusals.record(refusal);
  });
  return { flush: refusals.flush };
}

/** None where the provider has not said what the request used: it was not nothing. */
function figuresOf({ tokens, isUsageUnknown }: UsageRow): Record<string, number> {
  if (isUsageUnknown && totalOf(tokens) === 0) return {};
  return {
    input: tokens.input,
    output: tokens.output,
    cache_creation: tokens.cacheWrite5m + tokens.cacheWrite1h,
    cache_read: tokens.cacheRead,
  };
}

export function createRefusalLog(log: Pick<Log, "info">, timers?: Timers): Repetitions<RequestRefused> {
  return createRepetitions<RequestRefused>({
    kindOf: ({ error, detail }) => ({
      fine: JSON.stringify([error, detail]),
      coarse: JSON.stringify([error, undefined]),
    }),
    say({ detail, ...refused }, count) {
      const fields = { ...refused, ...detail };
      log.info(count === 1 ? fields : { ...fields, count }, "refused");
    },
    timers,
  });
}
