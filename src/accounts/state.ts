// The state of an account (`ready`, `cooldown`, `needs-login`, `disabled`) for `accounts`, `doctor` and the metrics.

import { type Account, cooldownFor, fullWindow, isInEffect } from "./account.ts";
import { unstableUntil } from "./truncations.ts";

export type AccountState = "ready" | "cooldown" | "disabled" | "needs-login";

export interface AccountStatus {
  state: AccountState;
  /** Why it is not ready, one sentence; for a ready account what ranks it lower, or which of its models is in cooldown. */
  reason: string | undefined;
  /** Epoch ms when that ends; undefined when nobody knows. */
  until: number | undefined;
}

/** `switchAtUtilization`: see SessionConfig. */
export function readStatus(
  account: Account,
  { switchAtUtilization, now }: { switchAtUtilization: number; now: number },
): AccountStatus {
  if (!account.config.enabled) return { state: "disabled", reason: undefined, until: undefined };
  const whole = cooldownFor(account, "", now);
  if (whole) {
    const isRefused = whole.kind === "unauthorized" || whole.kind === "login-revoked";
    return { state: isRefused ? "needs-login" : "cooldown", reason: whole.reason, until: whole.until };
  }
  const remark =
    readModelCooldown(account, now) ??
    readTruncation(account, now) ??
    readFullWindow(account, switchAtUtilization, now);
  return { state: "ready", reason: remark?.reason, until: remark?.until };
}

interface Remark {
  reason: string;
  until: number | undefined;
}

function readModelCooldown(account: Account, now: number): Remark | undefined {
  const scoped = [...account.cooldowns.values()].filter((cooldown) => isInEffect(cooldown, now));
  if (scoped.length === 0) return undefined;
  const { scope, reason, until } = scoped.reduce((a, b) => (a.until < b.until ? a : b));
  return { reason: `${scope} is in cooldown: ${reason}`, until };
}

function readTruncation({ truncations }: Account, now: number): Remark | undefined {
  const until = unstableUntil(truncations, now);
  return until === undefined ? undefined : { reason: "used last: its last answer was truncated", until };
}

function readFullWindow(account: Account, switchAtUtilization: number, now: number): Remark | undefined {
  const window = fullWindow(account, switchAtUtilization, now);
  if (!window) return undefined;
  const { name, utilization, resetsAt } = window;
  const what =
    utilization === undefined
      ? `the window ${name} is in use`
      : `the window ${name} is at ${Math.floor(utilization * 100)} %`;
  return { reason: `used last: ${what}`, until: resetsAt };
}
