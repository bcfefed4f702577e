// Selects the account for a request. Pure: takes the accounts, what is known of the request, and the time.

import { matchesModel } from "../domain/model-scope.ts";
import { type Account, type Cooldown, cooldownFor, hasFullWindow, isProbeDue } from "./account.ts";
import { admitLastResorts, isLastResort, type LastResortQuestion, stayingAt } from "./last-resort.ts";
import { unstableUntil } from "./truncations.ts";

export interface Selection extends LastResortQuestion {
  model: string | undefined;
  /** The model's family, the scope of cooldowns of one model; "" without a model. */
  modelScope: string;
  /** Whether this kind of account can serve the request at all. */
  canServe(account: Account): boolean;
  /** The client named the account (x-cc-relay-account): that one, in cooldown or not. */
  pinned: string | undefined;
  /** State at the provider binds the request to this account: that one or no other. */
  required: string | undefined;
  /** The account whose answer the request continues: it comes before the session's, and is left for the same reasons. */
  holder?: string | undefined;
  /** The session's account, and where it is served while that is in cooldown. */
  sticky: string | undefined;
  fallback: string | undefined;
  /** Already tried for this request. */
  tried: ReadonlySet<string>;
  /** An account of the second choice will not do, and neither will one in cooldown. */
  needsRoom?: boolean;
  /** Longest wait in place for a session's own account. */
  maxWaitMs: number;
  switchAtUtilization: number;
  /** Whether it may probe a cooldown: what costs nothing is answered in spite of the limit. */
  mayProbe: boolean;
  now: number;
}

export type Choice =
  /** `probe`: the cooldown that this request probes. */
  | { kind: "use"; account: Account; probe: Cooldown | undefined }
  /** The session's account is back shortly: moving would cost its prompt cache. */
  | { kind: "wait"; account: Account; until: number }
  /** `candidates` could serve the request if they were not in cooldown or tried. */
  | { kind: "none"; candidates: Account[] };

export function selectAccount(accounts: readonly Account[], selection: Selection): Choice {
  const named = selection.pinned ?? selection.required;
  const able = accounts.filter(
    (account) =>
      account.config.enabled &&
      (named === undefined || account.config.id === named) &&
      matchesModel(account.config.models, selection.model) &&
      selection.canServe(account),
  );
  const candidates = named === undefined ? admitLastResorts(able, selection) : able;
  // Whether a last resort is admitted is a question of all the others, those without room included.
  const open = candidates.filter(
    (account) =>
      !selection.tried.has(account.config.id) && (!selection.needsRoom || hasRoom(account, selection)),
  );
  if (selection.pinned !== undefined) {
    const account = open[0];
    return account ? { kind: "use", account, probe: undefined } : { kind: "none", candidates };
  }
  return chooseBound(open, selection) ?? chooseRanked(open, selection) ?? { kind: "none", candidates };
}

/** The account whose answer is continued, or the session's sticky one, if it can serve, soon or now; else its fallback. */
function chooseBound(open: readonly Account[], selection: Selection): Choice | undefined {
  const { modelScope, now, holder, required, sticky, fallback } = selection;
  const staying = required === undefined ? stayingAt(open, selection) : undefined;
  for (const id of [holder, staying?.config.id, required ?? sticky, fallback]) {
    const account = id === undefined ? undefined : open.find((one) => one.config.id === id);
    if (!account) continue;
    const cooldown = cooldownFor(account, modelScope, now);
    if (!cooldown) {
      const mayLeave = required === undefined && account !== staying;
      if (mayLeave && leavesForBetter(account, open, selection)) continue;
      return { kind: "use", account, probe: undefined };
    }
    if (selection.mayProbe && isProbeDue(cooldown, now)) return { kind: "use", account, probe: cooldown };
    if (cooldown.until - now <= selection.maxWaitMs && canBeWaitedOut(cooldown)) {
      return { kind: "wait", account, until: cooldown.until };
    }
  }
  return undefined;
}

/** A session leaves an account of the second choice, or a last resort, for one of the first choice. */
function leavesForBetter(account: Account, open: readonly Account[], selection: Selection): boolean {
  const isBetter = (other: Account) => !isLastResort(other) && hasRoom(other, selection);
  return (isLastResort(account) || isSecondChoice(account, selection)) && open.some(isBetter);
}

/** It is in no cooldown, and no other account would be the better choice for what it has left or how it answers. */
function hasRoom(account: Account, selection: Selection): boolean {
  return (
    cooldownFor(account, selection.modelScope, selection.now) === undefined &&
    !isSecondChoice(account, selection)
  );
}

/** Windows are money, and an answer that breaks off is paid for twice. Used all the same when no other account can serve. */
function isSecondChoice(account: Account, { switchAtUtilization, now }: Selection): boolean {
  return (
    hasFullWindow(account, switchAtUtilization, now) || unstableUntil(account.truncations, now) !== undefined
  );
}

function canBeWaitedOut(cooldown: Cooldown): boolean {
  return cooldown.kind === "rate-limited" || cooldown.kind === "capacity";
}

interface Ranked {
  account: Account;
  probe: Cooldown | undefined;
  /** False for an account that is to be probed: that is what the probe finds out. */
  isSecondChoice: boolean;
}

function chooseRanked(open: readonly Account[], selection: Selection): Choice | undefined {
  const { modelScope, now, mayProbe } = selection;
  let best: Ranked | undefined;
  for (const account of open) {
    const cooldown = cooldownFor(account, modelScope, now);
    if (cooldown && !(mayProbe && isProbeDue(cooldown, now))) continue;
    const next = {
      account,
      probe: cooldown,
      isSecondChoice: !cooldown && isSecondChoice(account, selection),
    };
    if (!best || ranksBefore(next, best)) best = next;
  }
  return best && { kind: "use", account: best.account, probe: best.probe };
}

/** Last resorts last, first choices first, then priority, then the least recently used. */
function ranksBefore(a: Ranked, b: Ranked): boolean {
  if (isLastResort(a.account) !== isLastResort(b.account)) return isLastResort(b.account);
  if (a.isSecondChoice !== b.isSecondChoice) return b.isSecondChoice;
  const [one, other] = [a.account, b.account];
  if (one.config.priority !== other.config.priority) return one.config.priority > other.config.priority;
  return one.lastUsedAt < other.lastUsedAt;
}
