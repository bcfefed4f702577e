// Records the usage of a request, and emits the events that it began, was answered, and is over.

import { type Call, isBilled } from "../domain/call.ts";
import type { RelayErrorCode } from "../domain/errors.ts";
import type { Outcome, UsageRow } from "../store/usage-store.ts";
import { type AnswerObserver, addTokens, noTokens } from "../usage/observer.ts";
import { type AttemptNext, Attempts } from "./attempts.ts";
import type { Exchange, RelayDeps } from "./exchange.ts";

export interface Recorder {
  /** Filled by the failover while the request is under way. */
  readonly attempts: Attempts;
  /** The call goes out under the name, and to the family, that the owner's configuration says. */
  sendsAs(sent: Pick<Call, "family" | "model" | "askedModel">): void;
  /** The account is settled, and its answer's first bytes are about to go out. */
  answering(account: string, status: number): void;
  /** Writes the usage row if the call is billed and something changed since the last time; nothing once it is closed. */
  record(entry: RecordEntry): Promise<void>;
  /** All is over. Only the first time counts. */
  close(entry: RecordEntry): void;
}

export interface RecordEntry {
  /** "(none)" when no account answered. */
  account: string;
  outcome: Outcome;
  status: number;
  /** What watched the answer; undefined when there was none to watch. */
  observer: AnswerObserver | undefined;
  /** The relay's own error, when that was the answer. */
  error?: RelayErrorCode;
}

/** A client may send a model's name as long as a body; the log and the tables need not repeat it. */
const maxModelLength = 200;

export interface Recorded {
  call: Call;
  /** The client key's name. */
  client: string;
}

export function createRecorder(
  { receivedAt, isWarmUp = false }: Pick<Exchange, "receivedAt" | "isWarmUp">,
  { call, client }: Recorded,
  { usage, events, now, monotonic }: Pick<RelayDeps, "usage" | "events" | "now" | "monotonic">,
): Recorder {
  const attempts = new Attempts({ call, events, monotonic });
  // Until now its body has come.
  const begunAt = monotonic() - Math.max(0, now() - receivedAt);
  const elapsedMs = () => Math.round(monotonic() - begunAt);
  const route = `${call.dialect}/${call.operation}`;
  let sent: Pick<Call, "family" | "model" | "askedModel"> = call;
  let firstByteMs: number | undefined;
  let written = "";
  let isClosed = false;

  /** Under a name of its own a request is known by what was asked for; else the answer says best what that was. */
  function names(answered: string | undefined): Pick<UsageRow, "model" | "sentModel"> {
    const short = (name: string | undefined) => (name ?? "").slice(0, maxModelLength);
    return sent.askedModel === undefined
      ? { model: short(answered ?? call.model) }
      : { model: short(sent.askedModel), sentModel: short(sent.model) };
  }

  function row(entry: RecordEntry): UsageRow {
    const report = entry.observer?.report;
    return {
      requestId: call.id,
      time: receivedAt,
      client,
      account: entry.account,
      family: sent.family,
      ...names(report?.model),
      route,
      tokens: addTokens(report?.tokens ?? noTokens, attempts.spent),
      ...(isUnknown(entry) && { isUsageUnknown: true }),
      tier: report?.tier,
      webSearches: report?.webSearches ?? 0,
      status: entry.status,
      outcome: entry.outcome,
      attempts: attempts.count,
      attemptRows: attempts.rows,
      firstByteMs,
      totalMs: elapsedMs(),
    };
  }

  /** A whole answer that says nothing of its cost was not free of charge: a stream of an API that has to be asked for it. */
  function isUnknown({ observer, outcome }: RecordEntry): boolean {
    if (observer === undefined) return false;
    if (observer.unreadable !== undefined) return true;
    return call.operation === "generate" && outcome === "complete" && !observer.report.reported;
  }

  function isFree({ observer }: RecordEntry): boolean {
    return !isBilled(call.operation) || (isWarmUp && observer?.report.reported !== true);
  }

  events.emit("requestStarted", () => ({
    request: call.id,
    time: receivedAt,
    client,
    family: call.family,
    route,
    model: (call.model ?? "").slice(0, maxModelLength),
    stream: call.stream,
  }));

  return {
    attempts,

    sendsAs(next) {
      sent = next;
    },

    answering(account, status) {
      const ms = elapsedMs();
      firstByteMs = ms;
      events.emit("answerStarted", () => ({
        request: call.id,
        family: call.family,
        account,
        status,
        firstByteMs: ms,
      }));
    },

    async record(entry) {
      attempts.follow(nextOf(entry));
      if (isClosed || isFree(entry)) return;
      const next = row(entry);
      const essence = `${next.outcome} ${next.account} ${next.model} ${Object.values(next.tokens).join()}`;
      if (essence === written) return;
      written = essence;
      await usage.record(next);
    },

    close(entry) {
      if (isClosed) return;
      isClosed = true;
      attempts.follow(nextOf(entry));
      events.emit("requestFinished", () => ({
        row: row(entry),
        path: attempts.path,
        isFree: isFree(entry),
        unreadable: isBilled(call.operation) ? entry.observer?.unreadable : undefined,
        error: entry.error,
      }));
    },
  };
}

/** What followed the last attempt, if it failed. */
function nextOf({ account, outcome }: RecordEntry): AttemptNext {
  if (account !== "(none)") return "passed on";
  return outcome === "aborted" ? "client left" : "no account left";
}
