// Remembers which account made which thinking, so that another one gets none of it back: by what it is sealed with.

import type { IsMadeElsewhere } from "../account-kinds/upstream.ts";
import type { Account } from "../accounts/account.ts";
import { isLastResort } from "../accounts/last-resort.ts";
import { bindingId } from "../domain/call.ts";
import type { Family } from "../domain/family.ts";
import type { RelayDeps } from "./exchange.ts";
import type { Served } from "./failover-state.ts";

/** Of bindings. */
const kind = "thinking";
/** Longer than a conversation goes on without its account. */
const ttlMs = 8 * 86_400_000;

/** Whether the owner allows thinking to be taken out for some account of the family: only then its origin matters. */
export function readsSeals({ config }: Account, { pool }: RelayDeps): boolean {
  return pool.accounts.some((other) => allows(other, config.family));
}

/** The setting is at the account that refuses, or at the last resort whose thinking it refuses. */
export function mayBeHealed({ config }: Account, { pool }: RelayDeps): boolean {
  return (
    config.healSignatures ||
    pool.accounts.some((other) => isLastResort(other) && allows(other, config.family))
  );
}

function allows({ config }: Account, family: Family): boolean {
  return config.healSignatures && config.enabled && config.family === family;
}

export async function rememberThinking(
  { answer: { observer }, account }: Pick<Served, "answer" | "account">,
  { bindings, now }: RelayDeps,
): Promise<void> {
  for (const seal of observer?.seals ?? []) {
    const use = { accountId: account.config.id, now: now(), ttlMs, renewalThresholdMs: ttlMs / 2 };
    await bindings.bind({ ...use, kind, key: bindingId(seal) });
  }
}

export function madeElsewhere({ config }: Account, { bindings, now }: RelayDeps): IsMadeElsewhere {
  return async (seal) => {
    const maker = await bindings.find(kind, bindingId(seal), now());
    return maker && maker.accountId !== config.id;
  };
}
