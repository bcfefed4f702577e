// The part of the store's contract that is about requests: what is recorded of each, how it is found again, and its sums.
// Every time is epoch milliseconds.

import type { Family } from "../domain/family.ts";
import type { TokenCounts } from "../usage/observer.ts";

/** `moved`: nothing was answered, and the client is asked to send the request again, and that goes to another account. */
export type Outcome = "complete" | "truncated" | "aborted" | "failed" | "moved";

/** One request. Written before the client can see the end of its answer; written again under the same id when more was learned. */
export interface UsageRow {
  requestId: string;
  time: number;
  /** Name of the client key; "anonymous" without keys. */
  client: string;
  /** "(none)" when no account answered; "passthrough". */
  account: string;
  family: Family;
  /** As the client asked for it; "" when the request named none. */
  model: string;
  /** The name that was sent upstream; absent when it is the one that was asked for. */
  sentModel?: string | undefined;
  /** `claude/generate`, `chat/generate`, `gemini/embed` … */
  route: string;
  tokens: TokenCounts;
  /** The answer could not be read: there is more than the tokens say, and what it cost is unknown, never 0. */
  isUsageUnknown?: boolean;
  tier: string | undefined;
  webSearches: number;
  /** Status sent to the client; 499 when it left before there was one, 503 when the relay went down first. */
  status: number;
  outcome: Outcome;
  attempts: number;
  /** Each attempt of a request in which one failed, in order; absent or empty when the first one succeeded. */
  attemptRows?: readonly AttemptRow[];
  firstByteMs: number | undefined;
  totalMs: number;
}

/** One attempt on one account. Never holds bodies, prompts, or words of a provider about a request: they may quote it. */
export interface AttemptRow {
  account: string;
  /** The provider's status; undefined when there was no answer. */
  status: number | undefined;
  /** How it was classified: the kind of the failure, or `answered`. */
  class: string;
  /** What followed: `next account`, `same account`, `passed on` … */
  next: string;
  /** From its beginning until it was classified. */
  ms: number;
  /** Why it failed, one line without secrets; absent for a good answer, and in rows of older versions. */
  reason?: string | undefined;
}

/** What of the requests is wanted; an absent part asks for nothing. */
export interface RequestFilter {
  /** Epoch ms, included; by the time at which the request came. */
  since?: number | undefined;
  /** Answered by this account, or tried on it. */
  account?: string | undefined;
  client?: string | undefined;
  /** A glob over the name that was asked for and the one that was sent. */
  model?: string | undefined;
  /** Only outcomes `failed` and `truncated`. */
  failed?: boolean | undefined;
}

/** A recorded request. */
export interface RequestRecord {
  id: string;
  /** When it came. */
  time: number;
  client: string;
  family: Family;
  route: string;
  model: string;
  sentModel: string | undefined;
  /** "(none)" when no account answered. */
  account: string;
  /** The accounts in the order in which they were asked. */
  path: string[];
  status: number;
  outcome: Outcome;
  firstByteMs: number | undefined;
  totalMs: number;
  tokens: TokenCounts;
  /** Undefined when there is no price. */
  costUsd: number | undefined;
}

export interface RequestLog {
  /** The newest first. */
  last(query: RequestFilter & { limit: number }): Promise<RequestRecord[]>;
  /** Its attempts are empty when the first one succeeded. */
  find(id: string): Promise<(RequestRecord & { attempts: AttemptRow[] }) | undefined>;
  /** The position behind the request that was recorded last. */
  newest(): Promise<number>;
  /** Requests recorded behind a position, in that order, and the position behind them; for following along. */
  after(
    seq: number,
    query: RequestFilter & { limit: number },
  ): Promise<{ seq: number; records: RequestRecord[] }>;
}

export type UsageKey = "day" | "account" | "model" | "client" | "family";

export interface UsageSummaryRow {
  /** A day is YYYY-MM-DD, local time; of a model the name that was asked for. */
  key: string;
  /** The name that was sent in its place; absent where none was, and where the key is no model. */
  sentModel?: string;
  requests: number;
  errors: number;
  tokens: TokenCounts;
  /** Of the requests that have a price; undefined when there are only requests without one. */
  costUsd: number | undefined;
  /** Requests without a price, or of unknown usage. */
  unpriced: number;
}

export interface UsageSummary {
  rows: UsageSummaryRow[];
  total: UsageSummaryRow;
}

export interface AccountActivity {
  accountId: string;
  requests: number;
  /** All kinds together. */
  tokens: number;
  /** Of the requests that have a price; undefined when there are only requests without one. */
  costUsd: number | undefined;
}

export interface UsageStore {
  /** Loads what the first `record` needs besides the database, so that nobody takes that time for the database's. */
  prepare(): Promise<void>;
  /** Priced as of its time when it is written; a later change of list prices does not touch it. */
  record(row: UsageRow): Promise<void>;
  /**
   * From `since` up to but without `until`. Days in their order, every other key with the most requests first. Models have a row for
   * each name under which they were sent.
   */
  summarize(query: { since: number; until: number; by: UsageKey }): Promise<UsageSummary>;
  /** Per account since a time. */
  activity(since: number): Promise<AccountActivity[]>;
  /**
   * One step of a few milliseconds of the daily roll-up and of retention; returns whether there is more to do.
   * Whole days are deleted: the one in which the retention ends stays.
   */
  maintain(now: number, retentionMs: number): Promise<boolean>;
}
