// The common part of every delivery of a provider's answer: headers, usage, and what is learned from its end.

import { type Call, isBilled } from "../domain/call.ts";
import { forwardResponseHeaders } from "../network/headers.ts";
import type { AsyncTransform } from "../sse/transform.ts";
import type { Outcome } from "../store/usage-store.ts";
import { orDiscard } from "./answer.ts";
import { decodingTransform } from "./decoding-transform.ts";
import type { Exchange, RelayDeps } from "./exchange.ts";
import type { Served } from "./failover-state.ts";
import type { MemoryShare } from "./memory-share.ts";
import type { RecordEntry, Recorder } from "./record.ts";
import { type ResponseOptions, sendAnswer } from "./response-pipe.ts";
import { bindAnswerState } from "./routing.ts";
import { rememberThinking } from "./thinking-origins.ts";

export interface Delivery {
  exchange: Exchange;
  call: Call;
  served: Served;
  recorder: Recorder;
  /** Of the request's answers together. */
  memory: MemoryShare;
  deps: RelayDeps;
}

export interface Rewriting {
  /** Undefined: the answer is rewritten already. */
  transform: AsyncTransform | undefined;
  /** The client's API is another one than the provider's; undefined where only the envelope differs. */
  conversion: { warnings: readonly string[] } | undefined;
}

/** @param rewriting undefined: the bytes go out as they came. */
export async function deliverAnswer(delivery: Delivery, rewriting: Rewriting | undefined): Promise<void> {
  const { call, served, recorder, deps } = delivery;
  const { answer, account } = served;
  const isGood = served.failure === undefined;
  const { status } = answer.head;
  const { id } = account.config;
  const entry: RecordEntry = { account: id, outcome: "complete", status, observer: answer.observer };
  const options = orDiscard(served.answer, () => responseOptions(delivery, rewriting));
  recorder.answering(id, status);
  try {
    await sendAnswer({
      ...options,
      async record(outcome) {
        entry.outcome = isSentAgain(delivery) ? "moved" : outcome;
        // Also of an answer that broke off: what is stored at the provider under its id can be asked for.
        if (isGood && !account.passthrough) {
          await bindAnswerState(served, call, deps);
          await rememberThinking(served, deps);
        }
        await recorder.record(entry);
      },
    });
    if (isGood && isBilled(call.operation)) await learnFromEnd(served, entry.outcome, deps);
  } finally {
    recorder.close(entry);
  }
}

/** Whether the provider's refusal makes the client send all of it again: over a WebSocket that is no error. */
function isSentAgain({ exchange, served: { failure } }: Delivery): boolean {
  return exchange.connection !== undefined && failure?.kind === "rejected" && failure.isSentAgain === true;
}

function responseOptions(
  delivery: Delivery,
  rewriting: Rewriting | undefined,
): Omit<ResponseOptions, "record"> {
  const { exchange, served } = delivery;
  const { answer } = served;
  const { status, headers } = answer.head;
  return {
    sink: exchange.sink,
    head: { status, headers: answerHeaders(delivery, rewriting) },
    answer,
    transform:
      rewriting?.transform && decodingTransform(headers["content-encoding"]?.toString(), rewriting.transform),
    signal: exchange.signal,
    breaksOffAfterError: rewriting?.conversion !== undefined,
  };
}

/** An answer that the client left, or that the provider ended with an error event, says nothing of the account's connections. */
async function learnFromEnd(
  { account, answer }: Served,
  outcome: Outcome,
  { pool }: RelayDeps,
): Promise<void> {
  if (account.passthrough || outcome === "aborted" || answer.isShort === true) return;
  if (answer.observer?.lateError !== undefined) return;
  await pool.ended(account, { isTruncated: outcome === "truncated", beganAt: answer.headAt });
}

function answerHeaders({ call, served }: Delivery, rewriting: Rewriting | undefined): string[] {
  const { answer, account, upstream } = served;
  const replaced = answer.rewrittenHeaders ?? rewriting?.transform?.headers;
  const isReplaced = (name: string) =>
    replaced !== undefined && (name === "content-type" || name === "content-encoding");
  const headers = forwardResponseHeaders(answer.rawHeaders, {
    bodyUnchanged: !replaced,
    drop: (name) => isReplaced(name) || (!account.passthrough && upstream.isAccountHeader(name)),
  });
  if (replaced) headers.push(...replaced);
  const warnings = [...(rewriting?.conversion?.warnings ?? []), ...(call.warnings ?? [])];
  if (warnings.length > 0) headers.push("x-cc-relay-warning", warnings.join(", "));
  headers.push(...namingHeaders(call, served));
  return headers;
}

/** Who answered, and as what: nothing is replaced in silence. */
export function namingHeaders({ model, askedModel }: Call, { account }: Pick<Served, "account">): string[] {
  const replaced = askedModel === undefined ? [] : ["x-cc-relay-model", model ?? ""];
  return ["x-cc-relay-account", account.config.id, ...replaced];
}

export function deliverNative(delivery: Delivery): Promise<void> {
  return deliverAnswer(delivery, undefined);
}
