// Writes the log's lines about requests, one message per kind of event.

import type { Log } from "../telemetry/log.ts";
import { systemTimers, type Timer } from "../time/timers.ts";
import type { RelayEvents, RequestRefused } from "./events.ts";

/** `flush` logs what was counted and not logged yet. */
export function logEvents(events: RelayEvents, log: Log, timers = systemTimers): { flush(): void } {
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
  const refusals = createRefusalLog(log, timers);
  events.on("requestRefused", refusals.record);
  return { flush: refusals.flush };
}

export interface RefusalLog {
  record(refusal: RequestRefused): void;
  /** Logs what was counted and not logged yet. */
  flush(): void;
}

const intervalMs = 60_000;
/** A page can make up origins without end; above this many kinds their details are no longer distinguished. */
const maxKinds = 50;

export function createRefusalLog(log: Pick<Log, "info">, timers = systemTimers): RefusalLog {
  const kinds = new Map<string, Repeated>();
  let timer: Timer | undefined;

  function record(refusal: RequestRefused): void {
    const kind = kindOf(refusal, kinds);
    const repeated = kinds.get(kind);
    if (repeated) {
      repeated.count++;
      repeated.last = refusal;
      return;
    }
    kinds.set(kind, { count: 0, last: refusal });
    say(refusal, 1);
    timer ??= timers.after(intervalMs, flush).unref();
  }

  function flush(): void {
    timer?.stop();
    for (const [kind, { count, last }] of kinds) {
      if (count === 0) {
        kinds.delete(kind);
        continue;
      }
      say(last, count);
      kinds.set(kind, { count: 0, last });
    }
    timer = kinds.size > 0 ? timers.after(intervalMs, flush).unref() : undefined;
  }

  function say({ detail, ...refused }: RequestRefused, count: number): void {
    const fields = { ...refused, ...detail };
    log.info(count === 1 ? fields : { ...fields, count }, "refused");
  }

  return { record, flush };
}

/** What came after the last line in the log. */
interface Repeated {
  count: number;
  last: RequestRefused;
}

function kindOf({ error, detail }: RequestRefused, kinds: ReadonlyMap<string, Repeated>): string {
  const kind = JSON.stringify([error, detail]);
  return detail === undefined || kinds.has(kind) || kinds.size < maxKinds ? kind : JSON.stringify([error]);
}
