// Decides what follows a failed attempt: a cooldown for the account, and for the answer: passed on to the client, kept for
// later, or discarded so that the next account is asked.

import type { Account, Cooldown } from "../accounts/account.ts";
import { isLastResort } from "../accounts/last-resort.ts";
import { type Call, isBilled } from "../domain/call.ts";
import { RelayError } from "../domain/errors.ts";
import type { Failure } from "../domain/failure.ts";
import type { Answer } from "./answer.ts";
import { consequenceOf, isForClientToSettle, isSentOnce } from "./consequences.ts";
import type { FailoverState, Served } from "./failover-state.ts";
import { isMissingEndpoint, rememberMissing } from "./missing-endpoints.ts";
import { shortageError } from "./shortage.ts";
import { contextOf, unansweredError } from "./unanswered-error.ts";

export interface FailedAttempt {
  account: Account;
  upstream: Served["upstream"];
  /** The call as it went to this account. */
  sent: Call;
  failure: Failure;
  /** The provider's answer, when it gave one. */
  answer: Answer | undefined;
  /** See AttemptResult. */
  refusedWith?: number | undefined;
  /** Epoch ms. */
  sentAt: number;
}

/** Returns the answer that goes to the client; undefined when another attempt is due. Throws the signal's reason when the client has left. */
export async function afterFailure(
  state: FailoverState,
  { sentAt, answer, refusedWith, ...attempted }: FailedAttempt,
): Promise<Served | undefined> {
  const { deps, signal, attempts } = state;
  const { account, upstream } = attempted;
  const failure = asOfAccount(attempted);
  const failed = { ...attempted, failure };
  const status = answer?.head.status ?? refusedWith;
  if (answer && !account.passthrough) {
    deps.pool.learn(account, upstream.readWindows(answer.head.headers, deps.now()));
  }
  if (failure.kind === "aborted" || failure.kind === "shortage") {
    attempts.end({ status, failure, cooldown: undefined });
    if (failure.kind === "aborted") throw signal.reason;
    throw failure.cause instanceof RelayError ? failure.cause : shortageError(failure.cause);
  }
  const refused = { status, login: state.routing.login?.kind, isOwn: account.login !== undefined };
  if ((answer || state.connection) && isForClientToSettle(failure, refused)) {
    attempts.end({ status, failure, cooldown: undefined });
    if (!answer) throw settledOverHttp(account);
    return { ...failed, answer };
  }
  // That an endpoint takes no WebSocket says nothing of it over HTTP.
  if (state.connection === undefined && isMissingEndpoint(failed, state.call, status)) {
    const isRemembered = rememberMissing(account, failed.sent, deps.now());
    attempts.end({ status, failure, cooldown: undefined });
    if (answer && !isRemembered) state.keep({ ...failed, answer });
    else answer?.discard();
    state.attemptWasRefused();
    state.ruleOut(account);
    return undefined;
  }
  const cooldown = await deps.pool.failed(account, failure, state.sentAt(sentAt));
  attempts.end({ status, failure, cooldown });
  state.attemptFailed(account, cooldown);
  const { passOn, isRefusal } = consequenceOf(failure, refused);
  if (isRefusal) state.attemptWasRefused();
  if (failure.kind === "unreachable" && failure.isAtWork && isBilled(state.call.operation)) {
    if (isSentOnce(state.call)) throw unansweredError({ account, failure }, contextOf(state));
    state.mayBeSentOnceMore();
  }
  if (answer && (passOn === "at-once" || account.passthrough)) return { ...failed, answer };
  if (passOn === "after-one-other" && state.kept?.failure?.kind === failure.kind) {
    answer?.discard();
    return state.kept;
  }
  const isWaiting = cooldown !== undefined && isWaitedOut(state, failed, cooldown);
  const isKept = passOn !== "never" || (!isWaiting && isLimitOfHolder(state, failed));
  if (answer && isKept) state.keep({ ...failed, answer });
  else answer?.discard();
  // A cooldown says more, namely when the account is back; but a bad answer is reported as what it is.
  const isTold = cooldown !== undefined && failure.kind !== "server-error";
  if ((passOn === "never" || !answer) && !isTold) state.gotNoAnswer(account, failure);
  if (!isWaiting) state.ruleOut(account);
  // A limit that is over already is asked once more, like one that was waited for.
  else if (cooldown.until <= deps.now()) state.waits();
  return undefined;
}

/** Of the upgrade no answer is left that the client could be shown: over HTTP it gets its own. */
function settledOverHttp({ config }: Account): RelayError {
  return new RelayError(
    "upgrade_required",
    `The provider refused the client's own login on account ${config.id}; send the request over HTTP to see its answer.`,
    { isMove: true },
  );
}

/** Hosts that imitate an API send none of its headers with a limit: there a limit without them is the account's all the same. */
function asOfAccount({ account, failure }: Pick<FailedAttempt, "account" | "failure">): Failure {
  if (failure.kind !== "limited-unblamed" || !isLastResort(account)) return failure;
  return { kind: "rate-limited", scope: "account", reason: failure.reason };
}

/**
 * Of the account that alone can go on with a response over its connection, nobody knows more than the provider. Elsewhere the relay's own
 * error says when the first of several accounts is back.
 */
function isLimitOfHolder(
  { connection, call, routing }: FailoverState,
  { account, failure }: Pick<FailedAttempt, "account" | "failure">,
): boolean {
  return (
    connection !== undefined &&
    failure.kind === "rate-limited" &&
    call.binding?.kind === "response" &&
    routing.required === account.config.id
  );
}

/** Whether the request stays with its own account, whose limit is over within seconds. */
function isWaitedOut(
  { routing, hasWaited, deps }: FailoverState,
  { account, failure }: Pick<FailedAttempt, "account" | "failure">,
  { until }: Cooldown,
): boolean {
  // A request that names its account asks it whether or not it is in cooldown: there would be no end to it.
  if (routing.pinned !== undefined || hasWaited) return false;
  const isOwn = (routing.required ?? routing.holder ?? routing.session?.accountId) === account.config.id;
  return isOwn && failure.kind === "rate-limited" && until - deps.now() <= deps.config().session.maxWaitMs;
}
