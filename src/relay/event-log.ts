// Writes the log's lines about requests, one message per kind of event.

import type { Log } from "../telemetry/log.ts";
import type { RelayEvents } from "./events.ts";
import { createRefusalLog } from "./refusal-log.ts";

/** `flush` logs what was counted and not logged yet. */
export function logEvents(events: RelayEvents, log: Log): { flush(): void } {
  events.on("attemptFinished", ({ class: failure, ...attempt }) => {
    if (failure === "answered" || failure === "aborted") return;
    log.warn(
      {
        request: attempt.request,
        account: attempt.account,
        failure,
        ...(attempt.status !== undefined && { status: attempt.status }),
        reason: attempt.reason,
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
    log.info(
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
        input: row.tokens.input,
        output: row.tokens.output,
        cache_creation: row.tokens.cacheWrite5m + row.tokens.cacheWrite1h,
        cache_read: row.tokens.cacheRead,
      },
      "request",
    );
  });
  const refusals = createRefusalLog(log);
  events.on("requestRefused", refusals.record);
  return { flush: refusals.flush };
}
