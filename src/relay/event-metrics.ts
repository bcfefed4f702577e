// Counts requests, attempts and failures for `/metrics`.

import type { Metrics } from "../telemetry/metrics.ts";
import type { RelayEvents } from "./events.ts";

export function countEvents(events: RelayEvents, metrics: Metrics): void {
  events.on("attemptFinished", ({ account, family, class: kind }) =>
    metrics.attemptFinished({ account, family, result: kind === "answered" ? "ok" : kind }),
  );
  events.on("failedOver", ({ family, failure }) => metrics.failedOver({ family, reason: failure }));
  events.on("answerStarted", ({ family }) => metrics.streamOpened(family));
  events.on("requestRefused", ({ error }) => metrics.requestRefused({ reason: error }));
  events.on("requestFinished", ({ row }) => {
    const { tokens, family, firstByteMs } = row;
    if (firstByteMs !== undefined) metrics.streamClosed(family);
    metrics.requestFinished({
      family,
      route: row.route,
      outcome: row.outcome,
      status: row.status,
      account: row.account,
      firstByteMs,
      tokens: {
        input: tokens.input,
        output: tokens.output,
        cache_write: tokens.cacheWrite5m + tokens.cacheWrite1h,
        cache_read: tokens.cacheRead,
      },
    });
  });
}
