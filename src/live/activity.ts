// Tracks what the relay is doing: requests that run, the last ones that ended, sums of today and of each account. All of it bounded:
// only what runs is kept in full, and the server limits that.

import type { Family } from "../domain/family.ts";
import type { AttemptRow, Outcome, UsageSummaryRow } from "../store/usage-store.ts";
import { addTokens, noTokens, type TokenCounts } from "../usage/observer.ts";

/** One request, running or ended. */
export interface ActiveRequest {
  id: string;
  /** Epoch ms. */
  time: number;
  client: string;
  family: Family;
  route: string;
  /** "" when the request named none. */
  model: string;
  sentModel: string | undefined;
  /** Every account that was asked, in order; the last one is being asked, or has answered. */
  path: string[];
  /** Those that have ended, in order, while it runs; the store has them afterwards. */
  attempts: AttemptRow[];
  firstByteMs: number | undefined;
  /** Undefined while it runs. */
  end: RequestEnd | undefined;
}

export interface RequestEnd {
  status: number;
  outcome: Outcome;
  /** The account that answered; `(none)` when none did. */
  account: string;
  totalMs: number;
  firstByteMs: number | undefined;
  tokens: TokenCounts;
  /** USD; undefined when the model has no price. */
  costUsd: number | undefined;
  /** Only billed requests are in the sums, and among the last ones: the store knows of no others. */
  isBilled: boolean;
  /** What the answer says of the model, the replacement and the accounts; absent: as it was known before. */
  model?: string;
  sentModel?: string | undefined;
  path?: readonly string[];
}

export type RequestStart = Pick<ActiveRequest, "id" | "time" | "client" | "family" | "route" | "model">;

export interface Sums {
  requests: number;
  errors: number;
  tokens: TokenCounts;
  /** Undefined when there are only requests without a price. */
  costUsd: number | undefined;
}

export interface Activity {
  started(request: RequestStart): void;
  /** The request is being sent to this account. */
  asked(id: string, account: string): void;
  /** The last account that was asked has answered or failed. */
  attempted(id: string, attempt: AttemptRow): void;
  answering(id: string, firstByteMs: number): void;
  ended(id: string, end: RequestEnd): void;
  /** Requests of before this process started, newest first, and today's sums: what the store has. */
  restore(known: { recent: readonly ActiveRequest[]; today: Sums; dayEndsAt: number }): void;
  /** Newest first. */
  running(): ActiveRequest[];
  readonly runningCount: number;
  /** Newest first. */
  recent(): readonly ActiveRequest[];
  today(now: number): Sums;
}

export interface ActivityOptions {
  maxRecent: number;
  /** The first moment of the local day after `now`; epoch ms. */
  dayEnd(now: number): number;
  now: () => number;
}

/** Accounts and attempts that are listed for one request: a request that is held can go round many times. */
const maxPath = 20;

export function createActivity({ maxRecent, dayEnd, now }: ActivityOptions): Activity {
  const running = new Map<string, ActiveRequest>();
  /** The newest last. */
  let recent: ActiveRequest[] = [];
  let today = noSums;
  let dayEndsAt = dayEnd(now());

  /** Sums of a day that is over go. */
  function turnDay(time: number): void {
    if (time < dayEndsAt) return;
    today = noSums;
    dayEndsAt = dayEnd(time);
  }

  return {
    started(request) {
      running.set(request.id, {
        ...request,
        sentModel: undefined,
        path: [],
        attempts: [],
        firstByteMs: undefined,
        end: undefined,
      });
    },
    asked(id, account) {
      const request = running.get(id);
      if (!request) return;
      if (request.path.at(-1) !== account && request.path.length < maxPath) request.path.push(account);
    },
    attempted(id, attempt) {
      const request = running.get(id);
      if (request && request.attempts.length < maxPath) request.attempts.push(attempt);
    },
    answering(id, firstByteMs) {
      const request = running.get(id);
      if (request) request.firstByteMs = firstByteMs;
    },
    ended(id, end) {
      const request = running.get(id);
      if (!request) return;
      running.delete(id);
      if (!end.isBilled) return;
      request.end = end;
      request.attempts = [];
      request.model = end.model ?? request.model;
      request.sentModel = end.sentModel;
      if (end.path) request.path = [...end.path];
      request.firstByteMs = end.firstByteMs ?? request.firstByteMs;
      recent.push(request);
      // Not with each request: what is beyond is not shown.
      if (recent.length >= 2 * maxRecent) recent = recent.slice(-maxRecent);
      turnDay(now());
      today = addEnd(today, end);
    },
    restore(known) {
      recent = [...known.recent.toReversed(), ...recent].slice(-maxRecent);
      today = known.today;
      dayEndsAt = known.dayEndsAt;
    },
    running: () => [...running.values()].reverse(),
    get runningCount() {
      return running.size;
    },
    recent: () => recent.slice(-maxRecent).reverse(),
    today(time) {
      turnDay(time);
      return today;
    },
  };
}

const noSums: Sums = { requests: 0, errors: 0, tokens: noTokens, costUsd: 0 };

/** As `usage` counts them: aborted requests are requests, not errors. */
function addEnd(sums: Sums, { outcome, tokens, costUsd }: RequestEnd): Sums {
  return {
    requests: sums.requests + 1,
    errors: sums.errors + (outcome === "failed" || outcome === "truncated" ? 1 : 0),
    tokens: addTokens(sums.tokens, tokens),
    costUsd: addUsd(sums.costUsd, costUsd),
  };
}

/** To the billionth, as costs are stored. As in the store's sums: unknown while all that has a price costs nothing. */
export function addUsd(sum: number | undefined, costUsd: number | undefined): number | undefined {
  if (sum === undefined || costUsd === undefined) return (sum ?? 0) + (costUsd ?? 0) || undefined;
  return Math.round((sum + costUsd) * 1e9) / 1e9;
}

/** The store's sums in the form that is added to. */
export function sumsOf({ requests, errors, tokens, costUsd }: UsageSummaryRow): Sums {
  return { requests, errors, tokens, costUsd };
}
