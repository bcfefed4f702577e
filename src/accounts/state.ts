// The state of an account (`ready`, `cooldown`, `needs-login`, `disabled`) for `accounts`, `doctor` and the metrics.

import { rfc3339 } from "../text/format.ts";
import { type Account, cooldownFor, fullWindows, isInEffect } from "./account.ts";
import { unstableUntil } from "./truncations.ts";

export type AccountState = "ready" | "cooldown" | "disabled" | "needs-login";

export interface AccountStatus {
  state: AccountState;
  /** Why it is not ready, one sentence; for a ready account its remarks, each with its end where there are several. */
  reason: string | undefined;
  /** Epoch ms when that ends, or the first of several remarks does; undefined when nobody knows. */
  until: number | undefined;
  /** What ranks a ready account lower, and which of its models are in cooldown. Absent: nothing. */
  remarks?: readonly Remark[];
}

export interface Remark {
  reason: string;
  /** Epoch ms; undefined when nobody knows. */
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
  const remarks = [
    ...readModelCooldowns(account, now),
    ...readTruncation(account, now),
    ...readFullWindows(account, switchAtUtilization, now),
  ];
  const [first, ...more] = remarks;
  if (first === undefined) return { state: "ready", reason: undefined, until: undefined };
  if (more.length === 0) return { state: "ready", ...first, remarks };
  const ends = remarks.flatMap(({ until }) => until ?? []);
  return {
    state: "ready",
    reason: remarks.map(describe).join("; "),
    until: ends.length === 0 ? undefined : Math.min(...ends),
    remarks,
  };
}

function describe({ reason, until }: Remark): string {
  return until === undefined ? reason : `${reason}, until ${rfc3339(until)}`;
}

/** More than so many are counted: a client may have asked for names of its own invention. */
const maxNamedModels = 8;

/** The first to end first. */
function readModelCooldowns({ cooldowns }: Account, now: number): Remark[] {
  const all = [...cooldowns.values()]
    .filter((cooldown) => isInEffect(cooldown, now))
    .sort((a, b) => a.until - b.until);
  const named = all.slice(0, maxNamedModels).map(({ scope, reason, until }) => ({
    // A provider's own sentence, which goes on here with its end.
    reason: `${scope} is in cooldown: ${reason.replace(/\.$/, "")}`,
    until,
  }));
  const rest = all.slice(maxNamedModels);
  if (rest[0] === undefined) return named;
  return [...named, { reason: `${rest.length} more models are in cooldown`, until: rest[0].until }];
}

function readTruncation({ truncations }: Account, now: number): Remark[] {
  const until = unstableUntil(truncations, now);
  return until === undefined ? [] : [{ reason: "used last: its last answer was truncated", until }];
}

function readFullWindows(account: Account, switchAtUtilization: number, now: number): Remark[] {
  return fullWindows(account, switchAtUtilization, now).map(({ name, utilization, status, resetsAt }) => {
    const what =
      utilization === undefined || status === "in-use"
        ? `the window ${name} is in use`
        : `the window ${name} is at ${Math.floor(utilization * 100)} %`;
    return { reason: `used last: ${what}`, until: resetsAt };
  });
}
