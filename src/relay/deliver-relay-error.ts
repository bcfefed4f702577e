// Sends the client an error of the relay's own in the form of its API, and records it.

import type { Call } from "../domain/call.ts";
import { RelayError, stackOf } from "../domain/errors.ts";
import { readShortage } from "../network/faults.ts";
import { memoryRetrySeconds } from "./answer-memory.ts";
import { sendRendered } from "./client.ts";
import { type Exchange, type RelayDeps, ShutdownAbort } from "./exchange.ts";
import { MemoryExhausted } from "./memory-share.ts";
import type { RecordEntry, Recorder } from "./record.ts";
import { shortageError } from "./shortage.ts";

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
  deps: RelayDeps,
): Promise<void> {
  const { id, source, sink, dialect, route, signal } = exchange;
  const relayError = asRelayError(error);
  const { code } = relayError;
  const rendered = dialect.renderError(relayError, { now: deps.now(), ...call });
  const { status } = rendered;
  if (!signal.aborted) reportFault({ request: id, error, relayError }, deps);
  if (recorder) {
    const entry: RecordEntry = {
      account: "(none)",
      ...endOf(signal, { status, isMove: relayError.isMove }),
      observer: undefined,
      ...(!signal.aborted && { error: code }),
    };
    try {
      await recorder.record(entry);
    } finally {
      recorder.close(entry);
    }
  } else if (!signal.aborted) {
    deps.events.emit("requestRefused", () => ({
      request: id,
      method: source.method,
      route: `${dialect.name}/${route.operation}`,
      error: code,
      status,
      detail: relayError.logged,
    }));
  }
  if (signal.aborted || sink.hasStarted) return sink.breakOff();
  sendRendered(sink, rendered);
}

/** Anything that is no RelayError is a fault of ours, or of this machine; the client does not see its details. */
export function asRelayError(error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  const shortage = readShortage(error);
  if (shortage !== undefined) return shortageError(new Error(shortage, { cause: error }));
  if (error instanceof MemoryExhausted) return memoryError(error);
  return new RelayError("internal", "cc-relay failed while it served this request; its log says more.", {
    cause: error,
  });
}

export interface Fault {
  /** Our id of the request. */
  request: string;
  /** Whatever was thrown, and the error the client gets for it. */
  error: unknown;
  relayError: RelayError;
}

/** Logs what is no provider's and no client's fault. */
export function reportFault(
  { request, error, relayError: { code, message } }: Fault,
  { log, shortages }: Pick<RelayDeps, "log" | "shortages">,
): void {
  if (code === "out_of_resources" || code === "memory_exhausted") shortages.report(message);
  if (code !== "internal") return;
  log.error({ request, err: stackOf(error) }, "internal error");
}
function memoryError({ isTooLarge, maxBytes }: MemoryExhausted): RelayError {
  const limit = `${Math.round(maxBytes / 1048576)} MB of server.memory_mb`;
  if (isTooLarge) {
    return new RelayError(
      "body_too_large",
      `The request needs more memory than the ${limit}; send less, or raise that in config.toml.`,
    );
  }
  return new RelayError(
    "memory_exhausted",
    `Other requests' bodies take all ${limit}; send the request again in a moment, or raise that in config.toml.`,
    { retryAfterSeconds: memoryRetrySeconds },
  );
}

/** Of a request that no answer reached: the status that was sent, or would have been if the client were there. */
function endOf(
  signal: AbortSignal,
  sent: { status: number; isMove: boolean },
): Pick<RecordEntry, "outcome" | "status"> {
  if (!signal.aborted) return { outcome: sent.isMove ? "moved" : "failed", status: sent.status };
  if (signal.reason instanceof ShutdownAbort) return { outcome: "failed", status: 503 };
  return { outcome: "aborted", status: 499 };
}
