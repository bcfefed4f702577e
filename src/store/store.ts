// The contract of the store. Asynchronous, so that a database server can take SQLite's place; SQL stays inside `store/`.
// Every time is epoch milliseconds. One shared test suite runs against every implementation.

import type { Family } from "../domain/family.ts";
import type { TokenStore } from "../domain/token-store.ts";
import type { TokenCounts } from "../usage/observer.ts";
import type { Window } from "../usage/window.ts";

export interface Store {
  readonly accounts: AccountStore;
  readonly bindings: BindingStore;
  readonly tokens: TokenStore;
  readonly usage: UsageStore;
  readonly requests: RequestLog;
  readonly daemon: DaemonStore;
  readonly recoveries: RecoveryStore;
  readonly notices: NoticeStore;
  /** Where what is written is kept. */
  storage(): StorageState;
  /** Calls back when that changes, or the file is made anew; returns a stop function. */
  onStorageChange(callback: (state: StorageState) => void): () => void;
  /**
   * Calls back within 500 ms after another process (or connection) changed what is learned of accounts; returns a stop function.
   * What this one has changed itself may be named again together with that.
   */
  onForeignChange(callback: (change: AccountChange) => void): () => void;
  close(): Promise<void>;
}

/** The accounts, by the ids of their states, whose state or cooldowns are other ones now. */
export type ChangedAccounts = ReadonlySet<string>;

export interface AccountChange {
  /** Undefined: any may be, for the file is another one or cannot be read. */
  accounts: ChangedAccounts | undefined;
}

export type StorageState =
  /** `madeAnew`: it is not the file of before. Undefined: it is, or what was kept in memory has been written to it. */
  | { kind: "disk"; madeAnew?: MadeAnew }
  /** Lost with this process, for the disk takes no writes. `reason`: what the system says, as a sentence. */
  | { kind: "memory"; reason: string };

/** Why the file of a running relay, or of one that starts, is another one than before. */
export interface MadeAnew {
  /** Epoch ms. */
  at: number;
  why: "damaged" | "removed" | "replaced";
  /** Where a damaged one is now. */
  aside?: string;
}

/** A damaged database that was set aside. */
export interface RecoveryRow {
  time: number;
  /** Where it is now. */
  path: string;
  /** What was carried over, by table. */
  rows: Record<string, number>;
  /** Tables of which not everything could be read. */
  damaged: string[];
}

export interface RecoveryStore {
  /** The oldest first. */
  list(): Promise<RecoveryRow[]>;
  save(row: RecoveryRow): Promise<void>;
}

/** What a receiver of notifications was sent, so that a restart does not repeat it. */
export interface NoticeRow {
  /** A hash of its settings: an address may be a secret. */
  receiver: string;
  /** What lasts and was sent, by its key. A number: it is over only with a good answer after that time. */
  lasting: Record<string, number | null>;
  /** When each event was sent last. */
  sentAt: Record<string, number>;
}

export interface NoticeStore {
  list(): Promise<NoticeRow[]>;
  /** These rows, and no other ones. */
  replace(rows: readonly NoticeRow[]): Promise<void>;
}

/** Why and how long an account, or one model family on it, is in cooldown. */
export interface CooldownRow {
  /** As in AccountStateRow. */
  accountId: string;
  /** A model family (`opus`, `gemini-2.5-pro`); "" for the whole account. */
  scope: string;
  since: number;
  until: number;
  /** The kind of failure that caused it. */
  kind: string;
  /** One sentence for a person, secrets redacted. */
  reason: string;
  /** Hash of the settings that the failure is about; undefined when they are not known. */
  settings: string | undefined;
  /** When a long cooldown was last probed with a real request. */
  probedAt: number;
}

export interface AccountStateRow {
  /** The account's id; of a client's own login on it, that, a space and the login's hash. */
  accountId: string;
  lastUsedAt: number | undefined;
  windows: Window[];
  /** When an answer was truncated last; undefined when a whole one came since. */
  truncatedAt?: number;
  /** Hash of the secret that the account had when this was learned. */
  secretHash?: string;
  /** When `forgetLearned` was called last; only read. */
  forgottenAt?: number;
}

export interface AccountStore {
  /** Of these accounts, or of all. */
  states(only?: ChangedAccounts): Promise<AccountStateRow[]>;
  saveState(row: AccountStateRow): Promise<void>;
  /** Of these accounts, or of all. */
  cooldowns(only?: ChangedAccounts): Promise<CooldownRow[]>;
  saveCooldown(row: CooldownRow): Promise<void>;
  /** Without a scope: every cooldown of the account. */
  clearCooldowns(accountId: string, scope?: string): Promise<void>;
  /**
   * Removes cooldowns and all else that was learned against the account and the clients' logins on it, and notes it for a
   * running relay, which forgets it too.
   */
  forgetLearned(accountId: string, now: number): Promise<void>;
  /**
   * Removes state, cooldowns, sessions and tokens of the account, and of the clients' logins on it, and ends fallbacks to it. Its
   * usage stays, and so does what is bound to its state at the provider: a request for it is answered that the account is gone.
   */
  forget(accountId: string): Promise<void>;
  /** Random, the same for as long as the database lives: the key of the hashes of clients' own logins. */
  loginKey(): Promise<Buffer>;
}

export interface BindingRow {
  /** `session`, `message` (the id of an answer within a Claude thread), or the kind of a Binding (`response`, `turn`, `file`, `encrypted`). */
  kind: string;
  /** The provider's id or the hashed session; a long one is hashed, base64url. */
  key: string;
  accountId: string;
  /** Where the session is served while its own account is in cooldown; undefined when it is served there. */
  fallbackId: string | undefined;
  expiresAt: number;
}

export interface BindingStore {
  /** The unexpired ones. */
  load(now: number): Promise<BindingRow[]>;
  save(row: BindingRow): Promise<void>;
  /**
   * Deletes the account's sessions and ends fallbacks to it. What is bound to its state at the provider stays bound: no other
   * account has that state.
   */
  dropAccount(accountId: string): Promise<void>;
  /** Deletes at most `limit` expired rows; returns how many. */
  prune(now: number, limit: number): Promise<number>;
  /** Deletes at most `limit` of the rows beyond `max`, those that end first and no sessions before others; returns how many. */
  trim(max: number, limit: number): Promise<number>;
}

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

/** One attempt on one account. Never holds bodies, prompts or texts of providers. */
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
  /** A day is YYYY-MM-DD, local time. */
  key: string;
  requests: number;
  errors: number;
  tokens: TokenCounts;
  /** Of the requests that have a price; undefined when there are only requests without one. */
  costUsd: number | undefined;
  /** Requests with tokens but no price. */
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
  /** From `since` up to but without `until`. Days in their order, every other key with the most requests first. */
  summarize(query: { since: number; until: number; by: UsageKey }): Promise<UsageSummary>;
  /** Per account since a time. */
  activity(since: number): Promise<AccountActivity[]>;
  /**
   * One step of a few milliseconds of the daily roll-up and of retention; returns whether there is more to do.
   * Whole days are deleted: the one in which the retention ends stays.
   */
  maintain(now: number, retentionMs: number): Promise<boolean>;
}

export interface DaemonInfo {
  pid: number;
  host: string;
  port: number;
  startedAt: number;
  version: string;
}

export interface DaemonStore {
  /**
   * Makes this process the one daemon of the database until `release` or its death (an operating-system lock, not a row).
   * Returns the other daemon's last published info when there is one already, undefined info when it has published none yet.
   */
  claim(): Promise<{ ok: true } | { ok: false; holder: DaemonInfo | undefined }>;
  publish(info: DaemonInfo): Promise<void>;
  /** Forgets what was published, too: what `look` finds without a lock was left by a daemon that died. */
  release(): Promise<void>;
  /** The published daemon and whether its lock is held now. */
  look(): Promise<{ info: DaemonInfo | undefined; running: boolean }>;
}
