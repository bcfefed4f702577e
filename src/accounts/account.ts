// An account as the scheduler sees it: its configuration and what was learned about it.

import type { AccountConfig } from "../config/config.ts";
import type { FailureKind } from "../domain/failure.ts";
import type { CooldownRow } from "../store/store.ts";
import type { Window } from "../usage/window.ts";
import { noTruncations, type Truncations } from "./truncations.ts";

export interface Account {
  config: AccountConfig;
  /** Forwards the client's own credential; is never in cooldown and never fails over. */
  passthrough: boolean;
  /** The hash of the client's own login that all of this is about; undefined: it is the account itself. See logins.ts. */
  login: string | undefined;
  /** By scope: "" is the whole account, anything else a model family. */
  cooldowns: Map<string, Cooldown>;
  windows: Map<string, Window>;
  /** Epoch ms; 0: never. */
  lastUsedAt: number;
  /** Failures in a row since the last good answer, by streakKey: the more there are, the longer the next cooldown. */
  streaks: Map<string, number>;
  truncations: Truncations;
  /** Endpoints that its host turned out not to have: until when nobody asks again, epoch ms. */
  missing: Map<string, number>;
  /** Endpoints that have given a good answer: its host has them, whatever it says later. */
  offered: Set<string>;
  /** When a person had everything learned forgotten, epoch ms; 0: never. */
  forgottenAt: number;
}

export interface Cooldown {
  scope: string;
  since: number;
  until: number;
  kind: CooldownKind;
  /** One sentence for a person, without secrets. */
  reason: string;
  /** See hashSettings; undefined when they are not known. */
  settings: string | undefined;
  /** When it was last probed with a real request; `since` at first. */
  probedAt: number;
}

/** The failures that put an account in cooldown. */
export type CooldownKind = Exclude<
  FailureKind,
  | "limited-unblamed"
  | "unexplained-refusal"
  | "edge-refused"
  | "unreadable"
  | "model-missing"
  | "rejected"
  | "shortage"
  | "aborted"
>;

export function createAccount(config: AccountConfig, login?: string): Account {
  return {
    config,
    passthrough: false,
    login,
    cooldowns: new Map(),
    windows: new Map(),
    lastUsedAt: 0,
    streaks: new Map(),
    truncations: noTruncations,
    missing: new Map(),
    offered: new Set(),
    forgottenAt: 0,
  };
}

/** The cooldown in a row of the store; undefined when its kind is unknown here, because a newer version wrote it. */
export function readCooldown({ kind, ...row }: CooldownRow): Cooldown | undefined {
  return isCooldownKind(kind) ? { ...row, kind } : undefined;
}

const cooldownKinds: Readonly<Record<CooldownKind, true>> = {
  "rate-limited": true,
  capacity: true,
  proxy: true,
  unreachable: true,
  "server-error": true,
  unauthorized: true,
  "login-revoked": true,
  "refresh-rejected": true,
  storage: true,
  "account-out": true,
  "model-denied": true,
};

function isCooldownKind(kind: string): kind is CooldownKind {
  return Object.hasOwn(cooldownKinds, kind);
}

/** Whether it ends by what a person does (a login, a payment), and not by itself. */
export function needsPerson(kind: CooldownKind): boolean {
  return kind === "unauthorized" || kind === "login-revoked" || kind === "account-out";
}

/** The cooldown that keeps the account from serving the scope now; the one that ends last when there are two. */
export function cooldownFor(account: Account, scope: string, now: number): Cooldown | undefined {
  const whole = running(account.cooldowns.get(""), now);
  const scoped = scope === "" ? undefined : running(account.cooldowns.get(scope), now);
  if (!whole || !scoped) return whole ?? scoped;
  return scoped.until > whole.until ? scoped : whole;
}

function running(cooldown: Cooldown | undefined, now: number): Cooldown | undefined {
  return cooldown && isInEffect(cooldown, now) ? cooldown : undefined;
}

/** Two processes' clocks may differ by so much. */
const clockSlackMs = 2000;

/** One that began in the future is void: the clock was wrong then, and its end is wrong with it. */
export function isInEffect({ since, until }: Cooldown, now: number): boolean {
  return until > now && since <= now + clockSlackMs;
}

const probeIntervalMs = 3_600_000;

/** A cooldown longer than an hour is probed once an hour with one real request: limits are lifted early more often than providers say. */
export function isProbeDue(cooldown: Cooldown, now: number): boolean {
  const isLong = cooldown.until - cooldown.since > probeIntervalMs;
  return isLong && (now - cooldown.probedAt >= probeIntervalMs || cooldown.probedAt > now + clockSlackMs);
}

/**
 * The windows that make a request spend money which a window with room would not: they are nearly full, or paid overage runs.
 * Empty when the account has room.
 */
export function fullWindows({ windows }: Account, switchAtUtilization: number, now: number): Window[] {
  return [...windows.values()].filter((window) => isFull(window, switchAtUtilization, now));
}

/** Asked for every account with every request. */
export function hasFullWindow({ windows }: Account, switchAtUtilization: number, now: number): boolean {
  for (const window of windows.values()) if (isFull(window, switchAtUtilization, now)) return true;
  return false;
}

function isFull(
  { name, utilization, resetsAt, status }: Window,
  switchAtUtilization: number,
  now: number,
): boolean {
  if (isOfOneModel(name) || (resetsAt !== undefined && resetsAt <= now)) return false;
  return status === "in-use" || (utilization !== undefined && utilization >= switchAtUtilization);
}

/** Claude names the windows that one model family has beside the account's own with a suffix (`7d_oi`, `7d_opus`). */
function isOfOneModel(windowName: string): boolean {
  return windowName.includes("_");
}
