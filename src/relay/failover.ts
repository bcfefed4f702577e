// Tries accounts until one gives a good first event, or none is left. Until then the client has seen nothing.

import { setTimeout as sleep } from "node:timers/promises";
import { type Account, type Cooldown, cooldownFor } from "../accounts/account.ts";
import type { Choice, Selection } from "../accounts/select.ts";
import type { Ticket } from "../accounts/slow-start.ts";
import { type Call, isBilled } from "../call.ts";
import type { Failure } from "../failure.ts";
import { modelScope } from "../model-scope.ts";
import { upstreamFor } from "../upstreams/registry.ts";
import { attemptOn } from "./account-attempt.ts";
import type { Answer } from "./attempt.ts";
import { canServe } from "./can-serve.ts";
import { endFailover } from "./end-failover.ts";
import type { RelayDeps } from "./exchange.ts";
import type { FailoverState, Served } from "./failover-state.ts";
import { findRouting } from "./routing.ts";

export interface Sending {
  /** The account that the client has named; undefined when it leaves the choice to the relay. */
  pinned: string | undefined;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  progress: Progress;
}

export interface Progress {
  /** Counted up while the request is under way, for the usage row of one that fails. */
  attempts: number;
}

/**
 * Throws RelayError when no account can answer and no provider's answer is fit to be passed on,
 * and the signal's reason when the client leaves.
 */
export async function sendWithFailover(
  call: Call,
  { pinned, signal, progress }: Sending,
  deps: RelayDeps,
): Promise<Served> {
  const startedAt = deps.now();
  const { session, upstream } = deps.config();
  const routing = findRouting(call, pinned, deps);
  const state: FailoverState = {
    call: routing.call,
    routing,
    scope: call.model === undefined ? "" : modelScope(call.family, call.model),
    signal,
    deps,
    tried: new Set(),
    attempts: 0,
    attemptsLeft: upstream.maxAttempts,
    hasWaited: false,
    holdUntil: startedAt + session.holdMs,
    held: undefined,
    unreached: undefined,
    cooldowns: new Map(),
    startedAt,
  };
  let served: Served | undefined;
  try {
    while (!served) served = await step(state);
    return served;
  } finally {
    progress.attempts = state.attempts;
    if (state.held !== served) state.held?.answer.discard();
  }
}

/** A timer may fire some milliseconds before the clock says so: it would find the cooldown not over, and the session would move. */
const timerSlackMs = 5;

async function step(state: FailoverState): Promise<Served | undefined> {
  const { deps, signal } = state;
  const choice = choose(state);
  switch (choice.kind) {
    case "none":
      return await endFailover(state, choice.candidates);
    case "wait":
      state.hasWaited = true;
      await sleep(Math.max(choice.until - deps.now(), 0) + timerSlackMs, undefined, { signal });
      return undefined;
    case "use": {
      const ticket = await enterSlowStart(state, choice);
      if (ticket === "refused") return undefined;
      try {
        return await useAccount(state, choice, ticket);
      } finally {
        ticket?.done(false);
      }
    }
  }
}

function choose(state: FailoverState): Choice {
  const { call, routing, deps, tried } = state;
  const { session } = deps.config();
  if (routing.passthrough) {
    return tried.size > 0
      ? { kind: "none", candidates: [] }
      : { kind: "use", account: routing.passthrough, probe: undefined };
  }
  const selection: Selection = {
    model: call.model,
    modelScope: state.scope,
    canServe: (account) => canServe(account, call),
    pinned: routing.pinned,
    required: routing.required,
    sticky: routing.session?.accountId,
    fallback: routing.session?.fallbackId,
    tried,
    maxWaitMs: state.hasWaited ? 0 : session.maxWaitMs,
    switchAtUtilization: session.switchAtUtilization,
    mayProbe: isBilled(call.operation),
    now: deps.now(),
  };
  const choice = deps.pool.choose(selection);
  if (choice.kind === "use" && state.attemptsLeft === 0) {
    return { kind: "none", candidates: [choice.account] };
  }
  return choice;
}

/** Only requests that are new to an account because another one sent them away queue: what it serves already it goes on serving. */
async function enterSlowStart(
  state: FailoverState,
  { account, probe }: Choice & { kind: "use" },
): Promise<Ticket | "refused" | undefined> {
  const { routing, tried, deps, signal, scope } = state;
  if (account.passthrough || routing.pinned !== undefined) return undefined;
  const { accountId: sticky, fallbackId: fallback } = routing.session ?? {};
  const isKnownHere = sticky === undefined || sticky === account.config.id || fallback === account.config.id;
  if (tried.size === 0 && isKnownHere) return undefined;
  const ticket = await deps.slowStart.enter(account.config.id, signal);
  if (ticket === "refused") return ticket;
  if (probe || !cooldownFor(account, scope, deps.now())) return ticket;
  // It failed while this request stood in the queue.
  ticket.done(false);
  return "refused";
}

async function useAccount(
  state: FailoverState,
  { account }: Choice & { kind: "use" },
  ticket: Ticket | undefined,
): Promise<Served | undefined> {
  const { call, deps, scope } = state;
  const upstream = upstreamFor(account.config.type);
  state.attempts++;
  state.attemptsLeft--;
  const sentAt = deps.now();
  const result = await attemptOn(account, {
    call,
    deps,
    upstream,
    signal: state.signal,
    firstByteMs: firstByteMs(state, account),
  });
  const { answer } = result;
  deps.metrics.attemptFinished({
    account: account.config.id,
    family: call.family,
    result: result.ok ? "ok" : result.failure.kind,
  });
  const served = { account, upstream, attempts: state.attempts };
  if (result.ok) {
    ticket?.done(true);
    if (!account.passthrough) {
      const sent = { modelScope: scope, sentAt, isBilled: isBilled(call.operation) };
      await deps.pool.succeeded(account, sent);
      learnWindows(served, result.answer, deps);
      await state.routing.bind(account.config.id);
    }
    return { ...served, answer: result.answer, failure: undefined };
  }
  if (answer && !account.passthrough) learnWindows(served, answer, deps);
  return await afterFailure(state, { ...served, failure: result.failure, sentAt }, answer);
}

function learnWindows(
  { account, upstream }: Pick<Served, "account" | "upstream">,
  { head }: Answer,
  { pool, now }: RelayDeps,
): void {
  pool.learn(account, upstream.readWindows(head.headers, now()));
}

/** Blames whom the failure blames, then says whether the answer goes to the client or the next account gets its turn. */
async function afterFailure(
  state: FailoverState,
  { sentAt, ...served }: Omit<Served, "answer"> & { failure: Failure; sentAt: number },
  answer: Answer | undefined,
): Promise<Served | undefined> {
  const { deps, signal, tried } = state;
  const { account, failure } = served;
  if (failure.kind === "aborted") throw signal.reason;
  const cooldown = await deps.pool.failed(account, failure, {
    modelScope: state.scope,
    sentAt,
    isBilled: isBilled(state.call.operation),
  });
  // Accounts at their limit never hide one that is free, however many they are.
  if (isRefusal(failure)) state.attemptsLeft++;
  const passed = answer && { ...served, answer };
  if (passed && (failure.kind === "rejected" || account.passthrough)) return passed;
  if (passed && isPassedOnTheSecondTime(failure) && state.held?.failure?.kind === failure.kind) {
    answer.discard();
    return state.held;
  }
  keepOrDiscard(state, passed);
  if (cooldown) state.cooldowns.set(account.config.id, cooldown);
  else if (!answer) state.unreached = { account, failure };
  if (cooldown && isWaitedOut(state, { account, failure }, cooldown)) {
    // A limit that is over already is asked once more, like one that was waited for.
    if (cooldown.until <= deps.now()) state.hasWaited = true;
  } else tried.add(account.config.id);
  reportFailover(state, { account, failure }, cooldown);
  return undefined;
}

/** Another account may have what this one lacks; two that lack it are the answer. */
function isPassedOnTheSecondTime({ kind }: Failure): boolean {
  return kind === "model-missing" || kind === "unexplained-refusal";
}

interface Failed {
  account: Account;
  failure: Exclude<Failure, { kind: "aborted" }>;
}

/** Whether the request stays with its own account, whose limit is over within seconds. */
function isWaitedOut(
  { routing, hasWaited, deps }: FailoverState,
  { account, failure }: Failed,
  { until }: Cooldown,
): boolean {
  // A request that names its account asks it whether or not it is in cooldown: there would be no end to it.
  if (routing.pinned !== undefined || hasWaited) return false;
  const isSticky = (routing.required ?? routing.session?.accountId) === account.config.id;
  return isSticky && failure.kind === "rate-limited" && until - deps.now() <= deps.config().session.maxWaitMs;
}

function reportFailover(
  { call, deps }: FailoverState,
  { account, failure }: Failed,
  cooldown: Cooldown | undefined,
): void {
  deps.metrics.failedOver({ family: call.family, reason: failure.kind });
  deps.log.warn(
    {
      request: call.id,
      account: account.config.id,
      failure: failure.kind,
      reason: "reason" in failure ? failure.reason : failure.cause.message,
      ...(cooldown && { until: new Date(cooldown.until).toISOString() }),
    },
    "the account did not answer, trying the next",
  );
}

function keepOrDiscard(state: FailoverState, passed: Served | undefined): void {
  if (!passed) return;
  if (!mayBePassedOn(passed.failure!)) return passed.answer.discard();
  state.held?.answer.discard();
  state.held = passed;
}

/** Answers that are true of the provider or the request. One account's limit or credential is nobody's business but the relay's. */
function mayBePassedOn(failure: Failure): boolean {
  switch (failure.kind) {
    case "capacity":
    case "server-error":
    case "limited-unblamed":
    case "unexplained-refusal":
    case "model-missing":
    case "rejected":
      return true;
    // Claude Code takes any 403 for a failed login; the relay says by itself that the model is not to be had.
    case "model-denied":
    case "rate-limited":
    case "unauthorized":
    case "login-revoked":
    case "refresh-rejected":
    case "account-out":
    case "edge-refused":
    case "unreachable":
    case "proxy":
    case "aborted":
      return false;
  }
}

/** The account was turned away at the door; it is in cooldown, and is not asked again for this request. */
function isRefusal({ kind }: Failure): boolean {
  return (
    kind === "rate-limited" ||
    kind === "unauthorized" ||
    kind === "login-revoked" ||
    kind === "refresh-rejected" ||
    kind === "account-out" ||
    kind === "model-denied"
  );
}

/** A client that gives up at a known time leaves room for another account; the last one may take what it needs. */
function firstByteMs(
  { call, deps, routing, tried, scope, startedAt }: FailoverState,
  account: Account,
): number {
  const now = deps.now();
  const configuredMs = deps.config().upstream.firstByteTimeoutMs;
  if (
    call.headerBudgetMs === undefined ||
    routing.passthrough ||
    (routing.pinned ?? routing.required) !== undefined
  )
    return configuredMs;
  const isOther = (other: Account) =>
    other !== account &&
    other.config.enabled &&
    !tried.has(other.config.id) &&
    !cooldownFor(other, scope, now) &&
    canServe(other, call);
  if (!deps.pool.accounts.some(isOther)) return configuredMs;
  const leftMs = call.headerBudgetMs - (now - startedAt);
  return Math.min(configuredMs, Math.max(leftMs * 0.6, 1000));
}
