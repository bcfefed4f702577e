// Writes down what a request cost: one usage row, the metrics, one log line.

import type { Call } from "../call.ts";
import { isBilled } from "../call.ts";
import type { RelayErrorCode } from "../errors.ts";
import type { Outcome, UsageRow } from "../store/store.ts";
import { type AnswerObserver, noTokens } from "../usage/observer.ts";
import type { Exchange, RelayDeps } from "./exchange.ts";

export interface Recorder {
  /** Writes the usage row if the call is billed and something changed since the last time. */
  record(entry: RecordEntry): Promise<void>;
  /** Counts and logs the request; once, when all is over. */
  close(entry: RecordEntry): void;
}

export interface RecordEntry {
  /** "(none)" when no account answered. */
  account: string;
  outcome: Outcome;
  status: number;
  attempts: number;
  /** Epoch ms of the first byte to the client; undefined when there was none. */
  firstByteAt: number | undefined;
  /** What watched the answer; undefined when there was none to watch. */
  observer: AnswerObserver | undefined;
  /** The relay's own error, when that was the answer. */
  error?: RelayErrorCode;
}

export interface Refusal {
  /** Our id of the request. */
  id: string;
  method: string;
  /** As in the usage table; of a path without a route, what can be logged of it. */
  route: string;
  error: RelayErrorCode;
  status: number;
}

/** Whoever asks may name a model as long as a body; the log and the tables need not repeat it. */
const maxModelLength = 200;

export interface Recorded {
  call: Call;
  /** The client key's name. */
  client: string;
}

export function createRecorder(
  { receivedAt }: Exchange,
  { call, client }: Recorded,
  deps: RelayDeps,
): Recorder {
  let written = "";

  function row(entry: RecordEntry): UsageRow {
    const report = entry.observer?.report;
    return {
      requestId: call.id,
      time: receivedAt,
      client,
      account: entry.account,
      family: call.family,
      model: (report?.model ?? call.model ?? "").slice(0, maxModelLength),
      route: `${call.dialect}/${call.operation}`,
      tokens: report?.tokens ?? noTokens,
      tier: report?.tier,
      webSearches: report?.webSearches ?? 0,
      status: entry.status,
      outcome: entry.outcome,
      attempts: entry.attempts,
      firstByteMs: entry.firstByteAt === undefined ? undefined : entry.firstByteAt - receivedAt,
      totalMs: deps.now() - receivedAt,
    };
  }

  return {
    async record(entry) {
      if (!isBilled(call.operation)) return;
      const next = row(entry);
      const essence = `${next.outcome} ${next.account} ${next.model} ${Object.values(next.tokens).join()}`;
      if (essence === written) return;
      written = essence;
      await deps.usage.record(next);
    },

    close(entry) {
      const { tokens, totalMs, firstByteMs, model, route } = row(entry);
      deps.metrics.requestFinished({
        family: call.family,
        route,
        outcome: entry.outcome,
        status: entry.status,
        account: entry.account,
        firstByteMs,
        tokens: {
          input: tokens.input,
          output: tokens.output,
          cache_write: tokens.cacheWrite5m + tokens.cacheWrite1h,
          cache_read: tokens.cacheRead,
        },
      });
      deps.log.info(
        {
          request: call.id,
          client,
          route,
          model,
          account: entry.account,
          status: entry.status,
          outcome: entry.outcome,
          ...(entry.error && { error: entry.error }),
          attempts: entry.attempts,
          first_byte_ms: firstByteMs,
          total_ms: totalMs,
          input: tokens.input,
          output: tokens.output,
        },
        "request",
      );
    },
  };
}

/** Counts and logs a request that was turned away before it was read: a wrong key, host, path or size. Without this a client that is set up wrongly leaves no trace. */
export function recordRefusal(
  { id, method, route, error, status }: Refusal,
  { log, metrics }: Pick<RelayDeps, "log" | "metrics">,
): void {
  metrics.requestRefused({ reason: error });
  log.info({ request: id, method, route, status, error }, "refused");
}
