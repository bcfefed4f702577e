// What becomes of a request over a connection whose account is out while others, which the connection does not lead to, have
// room: its client gets an error that makes it send everything again.

import { type Account, cooldownFor } from "../accounts/account.ts";
import { RelayError } from "../domain/errors.ts";
import { canServe } from "./can-serve.ts";
import type { FailoverState } from "./failover-state.ts";

/** The error that moves the client; undefined when no other account has room, or the client has to stay. */
export async function moveElsewhere(state: FailoverState): Promise<RelayError | undefined> {
  const { connection, call, routing, deps } = state;
  if (!connection || connection.isOpening || routing.passthrough || routing.pinned !== undefined)
    return undefined;
  const { required } = routing;
  if (required === undefined || call.binding?.kind !== "response") {
    const other = await chooseOther(state, required);
    return other && overHttp(other);
  }
  const holder = deps.pool.accountsFor(routing.login).find(({ config }) => config.id === required);
  if (!connection.mayLeave(holder)) return undefined;
  const next = await chooseOther(state, undefined);
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
    { param: "previous_response_id" },
  );
}

/** An account that was not asked yet and has room, whether or not the connection can lead to it. */
async function chooseOther(state: FailoverState, required: string | undefined): Promise<Account | undefined> {
  const { call, routing, deps, scope, tried } = state;
  const { switchAtUtilization, foreignAfterMs } = deps.config().session;
  const now = deps.now();
  const left = required === undefined ? routing.required : undefined;
  const selection = {
    model: call.model,
    modelScope: scope,
    canServe: (account: Account) => canServe(account, call, now),
    pinned: undefined,
    required,
    sticky: routing.session?.accountId,
    fallback: routing.session?.fallbackId,
    tried: left === undefined ? tried : new Set([...tried, left]),
    maxWaitMs: 0,
    switchAtUtilization,
    mayProbe: false,
    opensTurn: () => state.opensTurn,
    foreignAfterMs,
    now,
  };
  const choice = await deps.pool.choose(selection, routing.login);
  return choice.kind === "use" ? choice.account : undefined;
}

function overHttp({ config }: Account): RelayError {
  return new RelayError(
    "upgrade_required",
    `The account ${config.id} has room and offers no WebSocket; send the request over HTTP.`,
  );
}
