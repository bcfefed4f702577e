// The failover loop: tries accounts until one gives a good first event, or none is left. Until then the client has seen nothing.

import type { Upstream } from "../account-kinds/upstream.ts";
import type { Account } from "../accounts/account.ts";
import type { Ticket } from "../accounts/slow-start.ts";
import { type Call, isStreamedToClient, releaseBody } from "../domain/call.ts";
import { sleepOn } from "../time/timers.ts";
import { attemptOn } from "./account-attempt.ts";
import { afterFailure } from "./after-failure.ts";
import { orDiscard } from "./answer.ts";
import type { AttemptResult } from "./attempt.ts";
import type { Attempts } from "./attempts.ts";
import type { ClientConnection } from "./client.ts";
import { endFailover } from "./end-failover.ts";
import type { RelayDeps } from "./exchange.ts";
import { FailoverState, type Rewrite, type Served } from "./failover-state.ts";
import type { MemoryShare } from "./memory-share.ts";
import { rememberOffered } from "./missing-endpoints.ts";
import { chooseAccount, enterSlowStart, firstByteMs, isSlowStarted } from "./next-account.ts";
import { rewriteAnswer } from "./rewritten-answer.ts";
import { findRouting } from "./routing.ts";
import { mayBeHealed, readsSeals } from "./thinking-origins.ts";
import { overHttp, type Transport } from "./transport.ts";

export interface FailoverRequest {
  /** The account that the client has named; undefined when it leaves the choice to the relay. */
  pinned: string | undefined;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  /** See AttemptOptions. */
  memory?: MemoryShare | undefined;
  /** Filled while the request is under way. */
  attempts: Attempts;
  /** HTTP when absent. */
  transport?: Transport;
  /** That the request came over, where it is more than one request long. */
  connection?: ClientConnection | undefined;
  /** How a good answer becomes one of the client's API; undefined: the provider speaks it. */
  rewrite?: Rewrite | undefined;
  /** See Dialect; absent: every request does. */
  opensTurn?: (() => boolean) | undefined;
}

/**
 * Throws RelayError when no account can answer and no provider's answer is fit to be passed on,
 * and the signal's reason when the client leaves.
 */
export async function sendWithFailover(
  call: Call,
  { pinned, signal, memory, attempts, transport = overHttp, connection, rewrite, opensTurn }: FailoverRequest,
  deps: RelayDeps,
): Promise<Served> {
  const routing = await findRouting(call, { named: pinned, connection }, deps);
  const state = new FailoverState({
    ...{ routing, signal, memory, attempts, transport, connection, rewrite, opensTurn, deps },
  });
  let served: Served | undefined;
  try {
    while (!served) served = await step(state);
    releaseBody(state.call);
    releaseBody(served.sent);
    return served;
  } finally {
    if (state.kept !== served) state.dropKept();
  }
}

/** A timer may fire some milliseconds before the clock says so: it would find the cooldown not over, and the session would move. */
const timerSlackMs = 5;

async function step(state: FailoverState): Promise<Served | undefined> {
  const { deps, signal, attempts } = state;
  const choice = await chooseAccount(state);
  switch (choice.kind) {
    case "none":
      return await endFailover(state, choice.candidates);
    case "wait":
      attempts.follow("wait");
      state.waits();
      await sleepOn(deps.timers, Math.max(choice.until - deps.now(), 0) + timerSlackMs, signal);
      return undefined;
    case "use": {
      const ticket = isSlowStarted(state, choice.account) ? await enterSlowStart(state, choice) : undefined;
      if (ticket === "refused") return undefined;
      try {
        if (choice.probe) await deps.pool.probeSent(choice.account, choice.probe);
        return await useAccount(state, choice.account, ticket);
      } finally {
        ticket?.done(false);
      }
    }
  }
}

async function useAccount(
  state: FailoverState,
  account: Account,
  ticket: Ticket | undefined,
): Promise<Served | undefined> {
  const { call, deps, signal, memory, transport } = state;
  const upstream = account.config.kind.upstream;
  state.attemptBegins(account);
  const sentAt = deps.now();
  const healing = { mayHeal: mayBeHealed(account, deps), readsSeals: readsSeals(account, deps) };
  const limits = { signal, memory, firstByteMs: firstByteMs(state, account) };
  const turn = { call, upstream, transport, ...limits, ...healing };
  const { sent, ...attempted } = await attemptOn(account, turn, deps);
  const result = await rewritten(attempted, state, upstream);
  try {
    if (!result.ok) return await afterFailure(state, { account, upstream, sent, sentAt, ...result });
    ticket?.done(true);
    return await afterSuccess(state, { account, upstream, sent, sentAt, answer: result.answer });
  } catch (error) {
    // Whatever fails here costs this request, and must not leave its connection open.
    result.answer?.discard();
    throw error;
  }
}

const switchingProtocols = 101;

interface GoodAttempt extends Pick<Served, "account" | "upstream" | "sent" | "answer"> {
  /** Epoch ms. */
  sentAt: number;
}

async function afterSuccess(
  state: FailoverState,
  { account, upstream, sent, answer, sentAt }: GoodAttempt,
): Promise<Served> {
  const { deps, attempts } = state;
  attempts.end({ status: answer.head.status, failure: undefined, cooldown: undefined });
  if (!account.passthrough) {
    deps.pool.learn(account, upstream.readWindows(answer.head.headers, deps.now()));
    // An open connection has answered nothing yet.
    if (answer.head.status !== switchingProtocols) {
      rememberOffered(account, sent);
      await deps.pool.succeeded(account, state.sentAt(sentAt));
      await state.routing.bind(account.config.id);
    }
  }
  return { answer, account, upstream, sent, failure: undefined };
}

async function rewritten(
  result: AttemptResult,
  { call, rewrite, signal, memory, attempts }: FailoverState,
  upstream: Upstream,
): Promise<AttemptResult> {
  if (!result.ok) return result;
  const { answer } = result;
  const transform = rewrite ?? orDiscard(answer, () => upstream.translate?.(call));
  if (!transform) return result;
  const isStream = isStreamedToClient(call);
  const outcome = await rewriteAnswer({ answer, transform, isStream, signal, memory });
  if (!outcome.ok && answer.observer) attempts.spend(answer.observer.report.tokens);
  return outcome;
}
