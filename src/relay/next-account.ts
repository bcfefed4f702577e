// Chooses the next account for a request: the pool's choice, and a place in its slow start where many sessions move at once.

import { type Account, cooldownFor } from "../accounts/account.ts";
import { isLastResort } from "../accounts/last-resort.ts";
import type { Choice, Selection } from "../accounts/select.ts";
import type { Ticket } from "../accounts/slow-start.ts";
import { isBilled } from "../domain/call.ts";
import { isSentOnce } from "./consequences.ts";
import type { FailoverState } from "./failover-state.ts";

export async function chooseAccount(state: FailoverState): Promise<Choice> {
  const { routing, deps, tried } = state;
  if (routing.passthrough) {
    return tried.size > 0
      ? { kind: "none", candidates: [] }
      : { kind: "use", account: routing.passthrough, probe: undefined };
  }
  const choice = await deps.pool.choose(selectionFor(state), routing.login);
  if (choice.kind === "use" && !state.hasAttemptsLeft) return { kind: "none", candidates: [choice.account] };
  return choice;
}

export function selectionFor(state: FailoverState): Selection {
  const { call, routing, deps, tried } = state;
  const { maxWaitMs, switchAtUtilization, foreignAfterMs } = deps.config().session;
  const now = deps.now();
  return {
    model: call.model,
    modelScope: state.scope,
    canServe: (account) => state.canServe(account, now),
    pinned: routing.pinned,
    required: routing.required,
    holder: routing.holder,
    sticky: routing.session?.accountId,
    fallback: routing.session?.fallbackId,
    tried,
    maxWaitMs: state.hasWaited ? 0 : maxWaitMs,
    switchAtUtilization,
    // Opening a connection proves nothing of a limit.
    mayProbe: isBilled(call.operation) && state.connection?.isOpening !== true,
    opensTurn: () => state.opensTurn,
    foreignAfterMs,
    now,
  };
}

/** Only requests that are new to an account because another one sent them away queue: what it serves already it goes on serving. */
export function isSlowStarted({ routing, tried }: FailoverState, { config, passthrough }: Account): boolean {
  if (passthrough || routing.pinned !== undefined) return false;
  if (tried.size > 0) return true;
  const { holder, session } = routing;
  const known = [holder, session?.accountId, session?.fallbackId].filter((id) => id !== undefined);
  return known.length > 0 && !known.includes(config.id);
}

/** "refused": the account failed meanwhile, choose again. */
export async function enterSlowStart(
  { deps, signal, scope }: FailoverState,
  { account, probe }: Choice & { kind: "use" },
): Promise<Ticket | "refused"> {
  const dropProbe = () => probe && deps.pool.probeDropped(probe);
  const ticket = await deps.slowStart.enter(account.config.id, signal).catch((reason: unknown) => {
    dropProbe();
    throw reason;
  });
  if (ticket === "refused") {
    dropProbe();
    return ticket;
  }
  if (probe || !cooldownFor(account, scope, deps.now())) return ticket;
  // It failed while this request was in the queue.
  ticket.done(false);
  return "refused";
}

/** How long an account may take to its response head: a client with a known time limit leaves room for another account, and the last one may take what it needs. */
export function firstByteMs(state: FailoverState, account: Account): number {
  const { call, deps, routing, tried, scope, startedAt } = state;
  const { firstByteTimeoutMs, unstreamedTimeoutMs } = deps.config().upstream;
  if (isSentOnce(call)) return unstreamedTimeoutMs;
  const configuredMs = firstByteTimeoutMs;
  if (
    call.headerBudgetMs === undefined ||
    routing.passthrough ||
    (routing.pinned ?? routing.required) !== undefined
  )
    return configuredMs;
  const now = deps.now();
  const isOther = (other: Account) =>
    other !== account &&
    other.config.enabled &&
    !tried.has(other.config.id) &&
    !cooldownFor(other, scope, now) &&
    !isLastResort(other) &&
    state.canServe(other, now);
  if (!deps.pool.accountsFor(routing.login).some(isOther)) return configuredMs;
  const leftMs = call.headerBudgetMs - (now - startedAt);
  return Math.min(configuredMs, Math.max(leftMs * 0.6, 1000));
}
