// The contract of the store. Asynchronous, so that a database server can take SQLite's place; SQL stays inside `store/`.
// Every time is epoch milliseconds. One shared test suite runs against every implementation.

import type { TokenStore } from "../domain/token-store.ts";
import type { Window } from "../usage/window.ts";
import type { RequestLog, UsageStore } from "./usage-store.ts";

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
  /** Random, the same for as long as the database lives: the key of the hashes of clients' own logins. Not in the database alone. */
  loginKey(): Promise<Buffer>;
}

export interface BindingRow {
  /** `session`, `message` (the id of an answer within a Claude thread), `thinking` (what a block of it is sealed with), or the kind of a Binding (`response`, `turn`, `file`, `encrypted`). */
  kind: string;
  /** The provider's id or the hashed session; a long one is hashed, base64url. */
  key: string;
  accountId: string;
  /** Where the session is served while its own account is in cooldown; undefined when it is served there. */
  fallbackId: string | undefined;
  expiresAt: number;
}

export interface BindingStore {
  /** The unexpired ones, `max` at most: sessions first, which live for an hour (the ids of answers for a month), then those that end last. */
  load(now: number, max: number): Promise<BindingRow[]>;
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
