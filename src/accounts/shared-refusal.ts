// Shortens the cooldowns of a request that every account refused: the request may be at fault, and must not take a pool out for long.

import type { Account, Cooldown, CooldownKind } from "./account.ts";

/** How long accounts stay out that refused one and the same request. */
const sharedRefusalMs = 60_000;

export interface Shortened {
  account: Account;
  cooldown: Cooldown;
}

/**
 * The cooldowns that end earlier, with their new end. `asked` are all accounts that a request was sent to, with the cooldown
 * that it put each in, if any. Empty unless two or more were asked and every one refused it (credential, account out, model). A
 * login that the token endpoint says is gone counts neither as asked nor as refused.
 */
export function shortenShared(asked: ReadonlyMap<Account, Cooldown | undefined>, now: number): Shortened[] {
  const refused: Shortened[] = [];
  for (const [account, cooldown] of asked) {
    if (cooldown?.kind === "login-revoked") continue;
    if (cooldown === undefined || !isRefusal(cooldown.kind)) return [];
    refused.push({ account, cooldown });
  }
  if (refused.length < 2) return [];
  const until = now + sharedRefusalMs;
  return refused.flatMap(({ account, cooldown }) => {
    const running = account.cooldowns.get(cooldown.scope);
    // Another request's cooldown, that of a limit for instance, stays as it is.
    const isOwn = running !== undefined && isRefusal(running.kind) && running.until === cooldown.until;
    return isOwn && running.until > until ? [{ account, cooldown: { ...running, until } }] : [];
  });
}

/** Kinds of cooldown that the request itself may have provoked. */
function isRefusal(kind: CooldownKind): boolean {
  return kind === "unauthorized" || kind === "account-out" || kind === "model-denied";
}
