// The state of an account in the words that `accounts`, `doctor` and the metrics use.

import { type Account, cooldownFor } from "./account.ts";

export type AccountState = "ready" | "cooldown" | "disabled" | "needs-login";

export interface AccountStatus {
  state: AccountState;
  /** Why it is not ready, one sentence; for a ready account what one of its models is in cooldown for. */
  reason: string | undefined;
  /** Epoch ms when the cooldown ends. */
  until: number | undefined;
}

export function readStatus(account: Account, now: number): AccountStatus {
  if (!account.config.enabled) return { state: "disabled", reason: undefined, until: undefined };
  const whole = cooldownFor(account, "", now);
  if (whole) {
    const state =
      whole.kind === "unauthorized" || whole.kind === "login-revoked" ? "needs-login" : "cooldown";
    return { state, reason: whole.reason, until: whole.until };
  }
  const scoped = [...account.cooldowns.values()].filter((cooldown) => cooldown.until > now);
  if (scoped.length === 0) return { state: "ready", reason: undefined, until: undefined };
  const first = scoped.reduce((a, b) => (a.until < b.until ? a : b));
  return { state: "ready", reason: `${first.scope} is in cooldown: ${first.reason}`, until: first.until };
}
