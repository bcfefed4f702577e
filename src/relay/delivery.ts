// What every delivery of a provider's answer has in common: its headers, its usage, and what is learned from its end.

import { type Call, isBilled } from "../call.ts";
import { forwardResponseHeaders } from "../network/headers.ts";
import type { AnswerTransform } from "../sse/transform.ts";
import type { Outcome } from "../store/store.ts";
import { decodingTransform } from "./decoding-transform.ts";
import type { Exchange, RelayDeps } from "./exchange.ts";
import type { Served } from "./failover-state.ts";
import type { RecordEntry, Recorder } from "./record.ts";
import { sendAnswer } from "./response-pipe.ts";
import { bindAnswerState } from "./routing.ts";

export interface Delivery {
  exchange: Exchange;
  call: Call;
  served: Served;
  recorder: Recorder;
  deps: RelayDeps;
}

export interface Rewriting {
  transform: AnswerTransform;
  /** The client's API is another one than the provider's; undefined where only the envelope differs. */
  conversion: { warnings: readonly string[] } | undefined;
}

/** @param rewriting undefined: the bytes go out as they came. */
export async function deliverAnswer(delivery: Delivery, rewriting: Rewriting | undefined): Promise<void> {
  const { exchange, call, served, recorder, deps } = delivery;
  const { answer, account } = served;
  const { status, headers } = answer.head;
  const isGood = served.failure === undefined;
  const entry: RecordEntry = {
    account: account.config.id,
    outcome: "complete",
    status,
    observer: answer.observer,
  };
  const transform =
    rewriting && decodingTransform(headers["content-encoding"]?.toString(), rewriting.transform);
  recorder.answering(entry.account, status);
  try {
    await sendAnswer({
      sink: exchange.sink,
      head: { status, headers: answerHeaders(served, rewriting) },
      answer,
      transform,
      signal: exchange.signal,
      breaksOffAfterError: rewriting?.conversion !== undefined,
      async record(outcome) {
        entry.outcome = outcome;
        // Also of an answer that broke off: what is stored at the provider under its id can be asked for.
        if (isGood && !account.passthrough) await bindAnswerState(served, call, deps);
        await recorder.record(entry);
      },
    });
  } finally {
    if (isGood && isBilled(call.operation)) await learnFromEnd(served, entry.outcome, deps);
    recorder.close(entry);
  }
}

/** An answer that the client left, or that the provider ended with an error event, says nothing of the account's connections. */
async function learnFromEnd(
  { account, answer }: Served,
  outcome: Outcome,
  { pool }: RelayDeps,
): Promise<void> {
  if (account.passthrough || outcome === "aborted" || answer.observer?.lateError !== undefined) return;
  await pool.ended(account, { isTruncated: outcome === "truncated", beganAt: answer.headAt });
}

function answerHeaders({ answer, account, upstream }: Served, rewriting: Rewriting | undefined): string[] {
  const isReplaced = (name: string) =>
    rewriting !== undefined && (name === "content-type" || name === "content-encoding");
  const headers = forwardResponseHeaders(answer.rawHeaders, {
    bodyUnchanged: !rewriting,
    drop: (name) => isReplaced(name) || (!account.passthrough && upstream.isAccountHeader(name)),
  });
  if (rewriting) headers.push(...rewriting.transform.headers);
  const warnings = rewriting?.conversion?.warnings ?? [];
  if (warnings.length > 0) headers.push("x-cc-relay-warning", warnings.join(", "));
  headers.push("x-cc-relay-account", account.config.id);
  return headers;
}
