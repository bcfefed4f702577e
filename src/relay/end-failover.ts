// Ends a failover when no account is left: the request is held until one is back, gets the answer that was kept, or an error with the reason.

import { type Account, cooldownFor } from "../accounts/account.ts";
import { type AllInCooldown, type Exhausted, readExhausted } from "../accounts/exhausted.ts";
import type { Call } from "../domain/call.ts";
import { RelayError } from "../domain/errors.ts";
import { sleepOn } from "../time/timers.ts";
import { canServe, findUnfit, type Unfit } from "./can-serve.ts";
import { type ExhaustedContext, exhaustedError } from "./exhausted-error.ts";
import type { FailoverState, Served } from "./failover-state.ts";
import { selectionFor } from "./next-account.ts";
import { contextOf, unansweredError } from "./unanswered-error.ts";

/** Undefined after a hold: all accounts may be asked again. Throws the RelayError that the client gets. */
export async function endFailover(state: FailoverState, candidates: Account[]): Promise<Served | undefined> {
  const { call, deps, kept, unanswered, scope, routing, attempts } = state;
  const elsewhere = await moveElsewhere(state);
  if (elsewhere) {
    await deps.pool.refusedByAll(state.asked, call.sessionKey);
    throw elsewhere;
  }
  const now = deps.now();
  const exhausted = readExhausted({ candidates, modelScope: scope, begun: state.cooldowns, now });
  const canBeHeld = !kept || kept.failure?.kind === "capacity" || kept.failure?.kind === "rate-limited";
  if (canBeHeld && isNear(exhausted, state.holdUntil)) {
    attempts.follow("wait");
    await hold(state, candidates, exhausted.until);
    return undefined;
  }
  await deps.pool.refusedByAll(state.asked, call.sessionKey);
  if (kept) return kept;
  if (unanswered && !isToldByCooldown(unanswered, state)) {
    throw unansweredError(unanswered, contextOf(state));
  }
  const only = routing.pinned ?? routing.required;
  const accounts = deps.pool.accountsFor(routing.login);
  throw exhaustedError(exhausted, { call, now, only, ...readKinds(call, accounts, { only, now }) });
}

/** Whether the account has gone into a cooldown meanwhile, through another request. */
function isToldByCooldown(
  { account, failure }: NonNullable<FailoverState["unanswered"]>,
  { scope, deps }: FailoverState,
): boolean {
  return failure.kind !== "server-error" && cooldownFor(account, scope, deps.now()) !== undefined;
}

function readKinds(
  call: Call,
  accounts: readonly Account[],
  { only, now }: { only: string | undefined; now: number },
): Pick<ExhaustedContext, "kinds" | "leftOut"> {
  const enabled = accounts.filter(({ config }) => config.enabled && config.family === call.family);
  const unfits = enabled.map((account) => ({ account, unfit: findUnfit(account, call, now) }));
  const has = (kind: Unfit["kind"]) => unfits.some(({ unfit }) => unfit?.kind === kind);
  const onlyUnfit = unfits.find(({ account }) => account.config.id === only)?.unfit;
  if (onlyUnfit?.kind === "login") return { kinds: "without-login", leftOut: [] };
  const leftOut = unfits.flatMap(({ account, unfit }) =>
    unfit?.kind === "size" || unfit?.kind === "content" ? [{ id: account.config.id, unfit }] : [],
  );
  if (leftOut.length > 0 || has("model") || unfits.some(({ unfit }) => unfit === undefined))
    return { kinds: "fit", leftOut };
  if (has("login")) return { kinds: "without-login", leftOut };
  if (has("endpoint")) return { kinds: "without-endpoint", leftOut };
  return { kinds: enabled.length > 0 ? "unfit" : "none", leftOut };
}

function isNear(exhausted: Exhausted, holdUntil: number): exhausted is AllInCooldown {
  return (exhausted.kind === "limited" || exhausted.kind === "capacity") && exhausted.until <= holdUntil;
}

/** How often a held request looks whether somebody has ended a cooldown by hand. */
const lookMs = 500;

/** Until one of the accounts is back, or no time is left; then all may be asked again. */
async function hold(state: FailoverState, candidates: Account[], until: number): Promise<void> {
  const { deps, scope, signal, holdUntil } = state;
  state.dropKept();
  const isInCooldown = (account: Account) => cooldownFor(account, scope, deps.now()) !== undefined;
  const inCooldown = candidates.filter(isInCooldown);
  const leftMs = () => Math.min(until, holdUntil) - deps.now();
  while (leftMs() > 0 && inCooldown.every(isInCooldown)) {
    await sleepOn(deps.timers, Math.min(leftMs(), lookMs), signal);
  }
  state.startOver();
}

/** The error that moves the client; undefined when no other account has room, or the client has to stay. */
async function moveElsewhere(state: FailoverState): Promise<RelayError | undefined> {
  const { connection, call, routing, deps } = state;
  if (!connection || connection.isOpening || routing.passthrough || routing.pinned !== undefined)
    return undefined;
  const { required } = routing;
  if (required === undefined || call.binding?.kind !== "response") {
    const other = await chooseOther(state, { required });
    return other && overHttp(other);
  }
  const holder = deps.pool.accountsFor(routing.login).find(({ config }) => config.id === required);
  if (!connection.mayLeave(holder)) return undefined;
  const next = await chooseOther(state, { required: undefined, needsRoom: true });
  if (next === undefined) return undefined;
  // A session comes back to an account whose cooldown is over. One that merely failed has lost it, and so has one that would be
  // waited for in place.
  const now = deps.now();
  const cooldown = holder && cooldownFor(holder, state.scope, now);
  const comesBack = cooldown !== undefined && cooldown.until - now > deps.config().session.maxWaitMs;
  await routing.bindSession(next.config.id, { isMove: !comesBack });
  connection.leaves(required);
  state.attempts.follow("next account");
  return new RelayError(
    "binding_gone",
    `The account ${required} cannot go on with this response; send the whole conversation again: it goes to ${next.config.id}.`,
    { param: "previous_response_id", isMove: true },
  );
}

interface Sought {
  required: string | undefined;
  /** A second choice will not do: what is moved costs its client a retry, and the account the whole conversation. */
  needsRoom?: boolean;
}

/** An account that was not asked yet and can serve, whether or not the connection can lead to it. */
async function chooseOther(
  state: FailoverState,
  { required, needsRoom = false }: Sought,
): Promise<Account | undefined> {
  const { call, routing, deps, tried } = state;
  const now = deps.now();
  const left = required === undefined ? routing.required : undefined;
  const selection = {
    ...selectionFor(state),
    canServe: (account: Account) => canServe(account, call, now),
    required,
    needsRoom,
    holder: undefined,
    tried: left === undefined ? tried : new Set([...tried, left]),
    maxWaitMs: 0,
    mayProbe: false,
  };
  const choice = await deps.pool.choose(selection, routing.login);
  return choice.kind === "use" ? choice.account : undefined;
}

function overHttp({ config }: Account): RelayError {
  return new RelayError(
    "upgrade_required",
    `The account ${config.id} has room and offers no WebSocket; send the request over HTTP.`,
    { isMove: true },
  );
}
