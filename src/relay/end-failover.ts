// Ends a failover when no account is left: the request is held until one is back, gets the answer that was kept, or an error with the reason.

import { setTimeout as sleep } from "node:timers/promises";
import { type Account, cooldownFor } from "../accounts/account.ts";
import { type AllInCooldown, type Exhausted, readExhausted } from "../accounts/exhausted.ts";
import type { Call } from "../domain/call.ts";
import { findUnfit, type Unfit } from "./can-serve.ts";
import { type ExhaustedContext, exhaustedError } from "./exhausted-error.ts";
import type { FailoverState, Served } from "./failover-state.ts";
import { moveElsewhere } from "./move-elsewhere.ts";
import { contextOf, unansweredError } from "./unanswered-error.ts";

/** Undefined after a hold: all accounts may be asked again. Throws the RelayError that the client gets. */
export async function endFailover(state: FailoverState, candidates: Account[]): Promise<Served | undefined> {
  const { call, deps, kept, unanswered, scope, routing, attempts } = state;
  const elsewhere = await moveElsewhere(state);
  if (elsewhere) throw elsewhere;
  const now = deps.now();
  const exhausted = readExhausted({ candidates, modelScope: scope, begun: state.cooldowns, now });
  const canBeHeld = !kept || kept.failure?.kind === "capacity";
  if (canBeHeld && isNear(exhausted, state.holdUntil)) {
    attempts.follow("wait");
    await hold(state, candidates, exhausted.until);
    return undefined;
  }
  await deps.pool.refusedByAll(state.asked);
  if (kept) return kept;
  if (unanswered && !isToldByCooldown(unanswered, state)) {
    throw unansweredError(unanswered, contextOf(state));
  }
  throw exhaustedError(exhausted, {
    call,
    now,
    only: routing.pinned ?? routing.required,
    ...readKinds(call, deps.pool.accountsFor(routing.login), now),
  });
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
  now: number,
): Pick<ExhaustedContext, "kinds" | "leftOut"> {
  const enabled = accounts.filter(({ config }) => config.enabled && config.family === call.family);
  const unfits = enabled.map((account) => ({ account, unfit: findUnfit(account, call, now) }));
  const has = (kind: Unfit["kind"]) => unfits.some(({ unfit }) => unfit?.kind === kind);
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
    await sleep(Math.min(leftMs(), lookMs), undefined, { signal });
  }
  state.startOver();
}
