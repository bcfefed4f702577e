// Tries accounts until one gives a good first event, or none is left. Until then the client has seen nothing.

import { setTimeout as sleep } from "node:timers/promises";
import { type Account, restFor } from "../accounts/account.ts";
import type { Ticket } from "../accounts/ramp.ts";
import type { Choice, Selection } from "../accounts/select.ts";
import type { Call } from "../call.ts";
import type { Credential } from "../credential.ts";
import type { Failure } from "../failure.ts";
import { modelScope } from "../model-scope.ts";
import { upstreamFor } from "../upstreams/registry.ts";
import type { Upstream } from "../upstreams/upstream.ts";
import { type Answer, type AttemptResult, attempt } from "./attempt.ts";
import type { RelayDeps } from "./exchange.ts";
import { exhaustedError, unreachableError } from "./exhausted-error.ts";
import { findRouting, type Routing } from "./routing.ts";

/** An answer that goes to the client, good or passed on. */
export interface Served {
  answer: Answer;
  account: Account;
  upstream: Upstream;
  attempts: number;
  /** Why an answer that is not good is passed on all the same; undefined for a good one. */
  failure: Failure | undefined;
}

/** What a request has gone through so far. */
interface Journey {
  call: Call;
  routing: Routing;
  scope: string;
  signal: AbortSignal;
  deps: RelayDeps;
  tried: Set<string>;
  attempts: number;
  /** A wait in place is done once; a hold until its time is up. */
  hasWaited: boolean;
  holdUntil: number;
  /** The last answer that may be passed on when nobody has a better one. */
  held: Served | undefined;
  /** The last attempt that got no answer. */
  unreached: { account: Account; failure: Failure } | undefined;
  startedAt: number;
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
  pinned: string | undefined,
  deps: RelayDeps,
  { signal, progress }: { signal: AbortSignal; progress: Progress },
): Promise<Served> {
  const startedAt = deps.now();
  const journey: Journey = {
    call,
    routing: findRouting(call, pinned, deps),
    scope: call.model === undefined ? "" : modelScope(call.family, call.model),
    signal,
    deps,
    tried: new Set(),
    attempts: 0,
    hasWaited: false,
    holdUntil: startedAt + deps.config().session.holdMs,
    held: undefined,
    unreached: undefined,
    startedAt,
  };
  try {
    for (;;) {
      const served = await step(journey);
      progress.attempts = journey.attempts;
      if (served) return served;
    }
  } finally {
    progress.attempts = journey.attempts;
    if (signal.aborted) journey.held?.answer.discard();
  }
}

async function step(journey: Journey): Promise<Served | undefined> {
  const { deps, signal } = journey;
  const choice = choose(journey);
  switch (choice.kind) {
    case "none":
      return await giveUp(journey, choice.candidates);
    case "wait":
      journey.hasWaited = true;
      await sleep(Math.max(choice.until - deps.now(), 0), undefined, { signal });
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
  const { session, upstream } = deps.config();
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
    now: deps.now(),
  };
  const choice = deps.pool.choose(selection);
  if (choice.kind === "use" && journey.attempts >= upstream.maxAttempts) {
    return { kind: "none", candidates: [choice.account] };
  }
  return choice;
}

export function canServe(account: Account, call: Call): boolean {
  const { type, family } = account.config;
  if (family !== call.family) return false;
  if (call.onlyTypes && !call.onlyTypes.includes(type)) return false;
  return upstreamFor(type).supports(call);
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
  const result = await attemptWithCredential(journey, account, upstream);
  const { answer } = result;
  if (answer && !account.passthrough)
    deps.pool.learn(account, upstream.readWindows(answer.head.headers, deps.now()));
  deps.metrics.attemptFinished({
    account: account.config.id,
    family: call.family,
    result: result.ok ? "ok" : result.failure.kind,
  });
  const served = { account, upstream, attempts: journey.attempts };
  if (result.ok) {
    ticket?.done(true);
    if (!account.passthrough) {
      await deps.pool.succeeded(account, scope);
      await journey.routing.bind(account.config.id);
    }
    return { ...served, answer: result.answer, failure: undefined };
  }
  return await afterFailure(journey, { ...served, failure: result.failure }, answer);
}

/** Blames whom the failure blames, then says whether the answer goes to the client or the next account gets its turn. */
async function afterFailure(
  journey: Journey,
  served: Omit<Served, "answer"> & { failure: Failure },
  answer: Answer | undefined,
): Promise<Served | undefined> {
  const { call, deps, signal, tried, routing } = journey;
  const { account, failure } = served;
  if (failure.kind === "aborted") throw signal.reason;
  const rest = await deps.pool.failed(account, failure, journey.scope);
  const passed = answer && { ...served, answer };
  if (passed && (failure.kind === "rejected" || account.passthrough)) {
    journey.held?.answer.discard();
    return passed;
  }
  if (passed && failure.kind === "model-missing" && journey.held?.failure?.kind === "model-missing") {
    answer.discard();
    return journey.held;
  }
  keepOrDiscard(journey, passed);
  journey.unreached = answer ? undefined : { account, failure };
  const isHome = (routing.tied ?? routing.session?.accountId) === account.config.id;
  const waitsInPlace =
    isHome &&
    rest !== undefined &&
    !journey.hasWaited &&
    rest.until - deps.now() <= deps.config().session.maxWaitMs;
  if (!waitsInPlace || failure.kind !== "rate-limited") tried.add(account.config.id);
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
  return undefined;
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
    case "model-denied":
    case "rejected":
      return true;
    case "rate-limited":
    case "unauthorized":
    case "account-out":
    case "unreachable":
    case "proxy":
    case "aborted":
      return false;
  }
}

async function attemptWithCredential(
  journey: Journey,
  account: Account,
  upstream: Upstream,
): Promise<AttemptResult> {
  const { deps, signal } = journey;
  let held = await deps.credentials.get(account, signal);
  let isRepeated = false;
  let isRenewed = account.passthrough;
  for (;;) {
    if (!held.ok) return { ok: false, failure: held.failure, answer: undefined };
    const result = await sendOnce(journey, account, upstream, held.credential);
    if (result.ok) return result;
    if (result.failure.kind === "unreachable" && result.failure.safeToRepeat && !isRepeated) {
      isRepeated = true;
      continue;
    }
    if (result.failure.kind === "account-out") await deps.credentials.reconsider(account, held.credential);
    if (result.failure.kind !== "unauthorized" || isRenewed) return result;
    const renewed = await deps.credentials.renew(account, held.credential, signal);
    if (!renewed) return result;
    result.answer?.discard();
    isRenewed = true;
    held = renewed;
  }
}

function sendOnce(
  { call, deps, signal, routing, tried, startedAt }: Journey,
  account: Account,
  upstream: Upstream,
  credential: Credential,
): Promise<AttemptResult> {
  const { config } = account;
  const limits = deps.config().upstream;
  const others =
    deps.pool.accounts.filter((other) => !tried.has(other.config.id) && canServe(other, call)).length - 1;
  return attempt({
    dispatcher: deps.dispatchers.for(config.id, config.proxy),
    request: upstream.prepare(call, { apiUrl: config.apiUrl, credential }),
    upstream,
    call,
    signal,
    now: deps.now,
    timeouts: {
      idleMs: limits.idleTimeoutMs,
      firstByteMs: firstByteTimeout(
        limits.firstByteTimeoutMs,
        call.headerBudgetMs && call.headerBudgetMs - (deps.now() - startedAt),
        routing.passthrough || routing.pinned ? 0 : others,
      ),
    },
    onObserverError: (error) =>
      deps.log.error({ request: call.id, err: String(error) }, "the usage observer failed"),
  });
}

/** A client that gives up at a known time leaves room for another account; the last one may take what it needs. */
function firstByteTimeout(configuredMs: number, budgetLeftMs: number | undefined, others: number): number {
  if (budgetLeftMs === undefined || others <= 0) return configuredMs;
  return Math.min(configuredMs, Math.max(budgetLeftMs * 0.6, 1000));
}

async function giveUp(journey: Journey, candidates: Account[]): Promise<Served | undefined> {
  const { call, deps, signal, held, unreached, scope, routing } = journey;
  if (held) return held;
  const now = deps.now();
  if (unreached && (unreached.account.passthrough || !restFor(unreached.account, scope, now))) {
    throw unreachableError(unreached.account, unreached.failure);
  }
  const exhausted = deps.pool.exhausted(candidates, scope, now);
  if ("until" in exhausted && exhausted.until <= journey.holdUntil && exhausted.kind !== "model-denied") {
    await sleep(Math.max(exhausted.until - now, 0), undefined, { signal });
    journey.tried.clear();
    return undefined;
  }
  throw exhaustedError(exhausted, {
    call,
    now,
    isTied: routing.tied !== undefined || routing.pinned !== undefined,
  });
}
