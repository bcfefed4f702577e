// An account as the scheduler sees it: its configuration and what was learned about it.

import type { AccountConfig } from "../config/config.ts";
import type { FailureKind } from "../failure.ts";
import type { RestRow } from "../store/store.ts";
import type { Window } from "../usage/window.ts";
import { type Cuts, noCuts } from "./cuts.ts";

export interface Account {
  config: AccountConfig;
  /** Forwards the client's own credential; never rests and never fails over. */
  passthrough: boolean;
  /** By scope: "" is the whole account, anything else a model family. */
  rests: Map<string, Rest>;
  windows: Map<string, Window>;
  /** Epoch ms; 0: never. */
  lastUsedAt: number;
  /** Failures in a row since the last good answer, by streakKey: the more there are, the longer the next rest. */
  streaks: Map<string, number>;
  cuts: Cuts;
}

export interface Rest {
  scope: string;
  since: number;
  until: number;
  kind: RestKind;
  /** One sentence for a person, without secrets. */
  reason: string;
  /** See hashSettings; undefined when they are not known. */
  settings: string | undefined;
  /** When it was last tested with a real request; `since` at first. */
  probedAt: number;
}

/** The failures that make an account rest. */
export type RestKind = Exclude<FailureKind, "limited-unblamed" | "model-missing" | "rejected" | "aborted">;

export function createAccount(config: AccountConfig): Account {
  return {
    config,
    passthrough: false,
    rests: new Map(),
    windows: new Map(),
    lastUsedAt: 0,
    streaks: new Map(),
    cuts: noCuts,
  };
}

/** The rest that a row of the store tells of; undefined when its kind is unknown here, because a newer version wrote it. */
export function readRest({ kind, ...row }: RestRow): Rest | undefined {
  return isRestKind(kind) ? { ...row, kind } : undefined;
}

const restKinds: Readonly<Record<RestKind, true>> = {
  "rate-limited": true,
  capacity: true,
  proxy: true,
  unreachable: true,
  "server-error": true,
  unauthorized: true,
  "account-out": true,
  "model-denied": true,
};

function isRestKind(kind: string): kind is RestKind {
  return Object.hasOwn(restKinds, kind);
}

/** The rest that keeps the account from serving the scope now; the one that ends last when there are two. */
export function restFor(account: Account, scope: string, now: number): Rest | undefined {
  const whole = running(account.rests.get(""), now);
  const scoped = scope === "" ? undefined : running(account.rests.get(scope), now);
  if (!whole || !scoped) return whole ?? scoped;
  return scoped.until > whole.until ? scoped : whole;
}

function running(rest: Rest | undefined, now: number): Rest | undefined {
  return rest && rest.until > now ? rest : undefined;
}

const probeIntervalMs = 3_600_000;

/** A rest longer than an hour is tested once an hour with one real request: limits are lifted early more often than providers say. */
export function isProbeDue(rest: Rest, now: number): boolean {
  return rest.until - rest.since > probeIntervalMs && now - rest.probedAt >= probeIntervalMs;
}

/** Whether a request spends money that a window with room would not: the window is nearly full, or paid overage runs. */
export function isOutOfRoom(account: Account, switchAtUtilization: number, now: number): boolean {
  for (const window of account.windows.values()) {
    if (isOfOneModel(window.name)) continue;
    if (window.resetsAt !== undefined && window.resetsAt <= now) continue;
    if (window.status === "in-use") return true;
    if (window.utilization !== undefined && window.utilization >= switchAtUtilization) return true;
  }
  return false;
}

/** Claude names the windows that one model family has beside the account's own with a suffix (`7d_oi`, `7d_opus`). */
function isOfOneModel(windowName: string): boolean {
  return windowName.includes("_");
}
