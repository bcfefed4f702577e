// Tells the client an error of the relay's own in the form of its API, and records it.

import type { Call } from "../call.ts";
import { RelayError } from "../errors.ts";
import { type Exchange, type RelayDeps, ShutdownAbort } from "./exchange.ts";
import type { RecordEntry, Recorder } from "./record.ts";
import { sendRendered } from "./send-rendered.ts";

export interface FailedExchange {
  /** Whatever was thrown. */
  error: unknown;
  /** Undefined when the request could not be read. */
  call: Call | undefined;
  recorder: Recorder | undefined;
}

export async function deliverRelayError(
  exchange: Exchange,
  { error, call, recorder }: FailedExchange,
  { log, events }: RelayDeps,
): Promise<void> {
  const { id, source, sink, dialect, route, signal } = exchange;
  const relayError = asRelayError(error);
  const { code } = relayError;
  const rendered = dialect.renderError(relayError, call);
  const { status } = rendered;
  if (code === "internal" && !signal.aborted) {
    log.error({ request: id, err: error instanceof Error ? error.stack : String(error) }, "internal error");
  }
  if (recorder) {
    const entry: RecordEntry = {
      account: "(none)",
      ...endOf(signal, status),
      observer: undefined,
      ...(!signal.aborted && { error: code }),
    };
    await recorder.record(entry);
    recorder.close(entry);
  } else if (!signal.aborted) {
    events.emit("requestRefused", () => ({
      request: id,
      method: source.method,
      route: `${dialect.name}/${route.operation}`,
      error: code,
      status,
    }));
  }
  if (signal.aborted || sink.hasStarted) return sink.breakOff();
  sendRendered(sink, rendered);
}

/** Anything that is no RelayError is a fault of ours; the client is not told of its insides. */
export function asRelayError(error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  return new RelayError("internal", "cc-relay failed while it served this request; its log says more.", {
    cause: error,
  });
}

/** Of a request that no answer reached: the status that was told, or would have been if somebody were there. */
function endOf(signal: AbortSignal, toldStatus: number): Pick<RecordEntry, "outcome" | "status"> {
  if (!signal.aborted) return { outcome: "failed", status: toldStatus };
  if (signal.reason instanceof ShutdownAbort) return { outcome: "failed", status: 503 };
  return { outcome: "aborted", status: 499 };
}
