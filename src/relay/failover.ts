// Tries accounts until one gives a good first event, or none is left. Until then the client has seen nothing.

import { setTimeout as sleep } from "node:timers/promises";
import { type Account, type Rest, restFor } from "../accounts/account.ts";
import type { Ticket } from "../accounts/ramp.ts";
import type { Choice, Selection } from "../accounts/select.ts";
import { type Call, isBilled } from "../call.ts";
import type { Failure } from "../failure.ts";
import { modelScope } from "../model-scope.ts";
import { upstreamFor } from "../upstreams/registry.ts";
import { attemptOn } from "./account-attempt.ts";
import type { Answer } from "./attempt.ts";
import { canServe } from "./can-serve.ts";
import type { RelayDeps } from "./exchange.ts";
import { giveUp } from "./give-up.ts";
import type { Journey, Served } from "./journey.ts";
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
  const journey: Journey = {
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
    rests: new Map(),
    startedAt,
  };
  let served: Served | undefined;
  try {
    while (!served) served = await step(journey);
    return served;
  } finally {
    progress.attempts = journey.attempts;
    if (journey.held !== served) journey.held?.answer.discard();
  }
}

/** A timer may fire some milliseconds before the clock says so: it would find the rest not over, and the session would move. */
const timerSlackMs = 5;

async function step(journey: Journey): Promise<Served | undefined> {
  const { deps, signal } = journey;
  const choice = choose(journey);
  switch (choice.kind) {
    case "none":
      return await giveUp(journey, choice.candidates);
    case "wait":
      journey.hasWaited = true;
      await sleep(Math.max(choice.until - deps.now(), 0) + timerSlackMs, undefined, { signal });
      return undefined;
    case "use": {
      const ticket = await enterRamp(journey, choice);
      if (ticket === "refused") return undefined;
      try {
        return await useAccount(journey, choice, ticket);
      } finally {
        ticket?.done(false);
      }
    }
  }
}

function choose(journey: Journey): Choice {
  const { call, routing, deps, tried } = journey;
  const { session } = deps.config();
  if (routing.passthrough) {
    return tried.size > 0
      ? { kind: "none", candidates: [] }
      : { kind: "use", account: routing.passthrough, probe: undefined };
  }
  const selection: Selection = {
    model: call.model,
    modelScope: journey.scope,
    canServe: (account) => canServe(account, call),
    pinned: routing.pinned,
    tied: routing.tied,
    home: routing.session?.accountId,
    detour: routing.session?.detourId,
    tried,
    maxWaitMs: journey.hasWaited ? 0 : session.maxWaitMs,
    switchAtUtilization: session.switchAtUtilization,
    mayTest: isBilled(call.operation),
    now: deps.now(),
  };
  const choice = deps.pool.choose(selection);
  if (choice.kind === "use" && journey.attemptsLeft === 0) {
    return { kind: "none", candidates: [choice.account] };
  }
  return choice;
}

/** Only requests that are new to an account because another one sent them away queue: what it serves already it goes on serving. */
async function enterRamp(
  journey: Journey,
  { account, probe }: Choice & { kind: "use" },
): Promise<Ticket | "refused" | undefined> {
  const { routing, tried, deps, signal, scope } = journey;
  if (account.passthrough || routing.pinned !== undefined) return undefined;
  const { accountId: home, detourId: detour } = routing.session ?? {};
  const isKnownHere = home === undefined || home === account.config.id || detour === account.config.id;
  if (tried.size === 0 && isKnownHere) return undefined;
  const ticket = await deps.ramp.enter(account.config.id, signal);
  if (ticket === "refused") return ticket;
  if (probe || !restFor(account, scope, deps.now())) return ticket;
  // It failed while this request stood in the queue.
  ticket.done(false);
  return "refused";
}

async function useAccount(
  journey: Journey,
  { account }: Choice & { kind: "use" },
  ticket: Ticket | undefined,
): Promise<Served | undefined> {
  const { call, deps, scope } = journey;
  const upstream = upstreamFor(account.config.type);
  journey.attempts++;
  journey.attemptsLeft--;
  const sentAt = deps.now();
  const result = await attemptOn(account, {
    call,
    deps,
    upstream,
    signal: journey.signal,
    firstByteMs: firstByteMs(journey, account),
  });
  const { answer } = result;
  deps.metrics.attemptFinished({
    account: account.config.id,
    family: call.family,
    result: result.ok ? "ok" : result.failure.kind,
  });
  const served = { account, upstream, attempts: journey.attempts };
  if (result.ok) {
    ticket?.done(true);
    if (!account.passthrough) {
      const sent = { modelScope: scope, sentAt, isBilled: isBilled(call.operation) };
      await deps.pool.succeeded(account, sent);
      learnWindows(served, result.answer, deps);
      await journey.routing.bind(account.config.id);
    }
    return { ...served, answer: result.answer, failure: undefined };
  }
  if (answer && !account.passthrough) learnWindows(served, answer, deps);
  return await afterFailure(journey, { ...served, failure: result.failure, sentAt }, answer);
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
  journey: Journey,
  { sentAt, ...served }: Omit<Served, "answer"> & { failure: Failure; sentAt: number },
  answer: Answer | undefined,
): Promise<Served | undefined> {
  const { deps, signal, tried } = journey;
  const { account, failure } = served;
  if (failure.kind === "aborted") throw signal.reason;
  const rest = await deps.pool.failed(account, failure, { modelScope: journey.scope, sentAt });
  // Accounts at their limit never hide one that is free, however many they are.
  if (isRefusal(failure)) journey.attemptsLeft++;
  const passed = answer && { ...served, answer };
  if (passed && (failure.kind === "rejected" || account.passthrough)) return passed;
  if (passed && failure.kind === "model-missing" && journey.held?.failure?.kind === "model-missing") {
    answer.discard();
    return journey.held;
  }
  keepOrDiscard(journey, passed);
  if (rest) journey.rests.set(account.config.id, rest);
  else if (!answer) journey.unreached = { account, failure };
  if (rest && isWaitedOut(journey, { account, failure }, rest)) {
    // A limit that is over already is asked once more, like one that was waited for.
    if (rest.until <= deps.now()) journey.hasWaited = true;
  } else tried.add(account.config.id);
  reportMove(journey, { account, failure }, rest);
  return undefined;
}

interface Failed {
  account: Account;
  failure: Exclude<Failure, { kind: "aborted" }>;
}

/** Whether the request stays with its own account, whose limit is over within seconds. */
function isWaitedOut(
  { routing, hasWaited, deps }: Journey,
  { account, failure }: Failed,
  { until }: Rest,
): boolean {
  // A request that names its account asks it whether or not it rests: there would be no end to it.
  if (routing.pinned !== undefined || hasWaited) return false;
  const isHome = (routing.tied ?? routing.session?.accountId) === account.config.id;
  return isHome && failure.kind === "rate-limited" && until - deps.now() <= deps.config().session.maxWaitMs;
}

function reportMove({ call, deps }: Journey, { account, failure }: Failed, rest: Rest | undefined): void {
  deps.metrics.failedOver({ family: call.family, reason: failure.kind });
  deps.log.warn(
    {
      request: call.id,
      account: account.config.id,
      failure: failure.kind,
      reason: "reason" in failure ? failure.reason : failure.cause.message,
      ...(rest && { until: new Date(rest.until).toISOString() }),
    },
    "the account did not answer, trying the next",
  );
}

function keepOrDiscard(journey: Journey, passed: Served | undefined): void {
  if (!passed) return;
  if (!mayBePassedOn(passed.failure!)) return passed.answer.discard();
  journey.held?.answer.discard();
  journey.held = passed;
}

/** Answers that are true of the provider or the request. One account's limit or credential is nobody's business but the relay's. */
function mayBePassedOn(failure: Failure): boolean {
  switch (failure.kind) {
    case "capacity":
    case "server-error":
    case "limited-unblamed":
    case "model-missing":
    case "rejected":
      return true;
    // Claude Code takes any 403 for a failed login; the relay says by itself that the model is not to be had.
    case "model-denied":
    case "rate-limited":
    case "unauthorized":
    case "account-out":
    case "unreachable":
    case "proxy":
    case "aborted":
      return false;
  }
}

/** The account was turned away at the door; it rests, and is not asked again for this request. */
function isRefusal({ kind }: Failure): boolean {
  return (
    kind === "rate-limited" || kind === "unauthorized" || kind === "account-out" || kind === "model-denied"
  );
}

/** A client that gives up at a known time leaves room for another account; the last one may take what it needs. */
function firstByteMs({ call, deps, routing, tried, scope, startedAt }: Journey, account: Account): number {
  const now = deps.now();
  const configuredMs = deps.config().upstream.firstByteTimeoutMs;
  if (
    call.headerBudgetMs === undefined ||
    routing.passthrough ||
    (routing.pinned ?? routing.tied) !== undefined
  )
    return configuredMs;
  const isOther = (other: Account) =>
    other !== account &&
    other.config.enabled &&
    !tried.has(other.config.id) &&
    !restFor(other, scope, now) &&
    canServe(other, call);
  if (!deps.pool.accounts.some(isOther)) return configuredMs;
  const leftMs = call.headerBudgetMs - (now - startedAt);
  return Math.min(configuredMs, Math.max(leftMs * 0.6, 1000));
}
