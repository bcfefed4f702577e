// Remembers which account a conversation is bound to: in memory for every request, in the store for the next start.

import { createHash } from "node:crypto";
import type { BindingRow, BindingStore } from "../store/store.ts";

export interface Bindings {
  /** Undefined when nothing is bound under the key. */
  find(kind: string, key: string, now: number): Promise<BoundTo | undefined>;
  /**
   * Called on success. A session that was served by another account keeps its sticky account and remembers the fallback;
   * without a binding the account becomes the sticky one.
   */
  bind(use: BindingUse): Promise<void>;
  /**
   * The account is gone, disabled or logged out for good: its sessions start anew elsewhere. What is bound to its state
   * at the provider stays bound: nobody else can answer it.
   */
  dropAccount(accountId: string): Promise<void>;
  /** Lets go of what has ended, in memory only. `now` must be a settled time: while the clock is ahead everything has ended. */
  prune(now: number): void;
}

export interface BoundTo {
  accountId: string;
  fallbackId: string | undefined;
}

export interface BindingUse {
  kind: string;
  key: string;
  accountId: string;
  now: number;
  ttlMs: number;
  /** What is written may end earlier than the binding by so much: a binding in use is not written with every request. */
  renewalThresholdMs: number;
  /** The account becomes the sticky one, whatever the binding was before. */
  isMove?: boolean;
}

interface KnownBinding extends BindingRow {
  /** When what is written of it ends. */
  writtenUntil: number;
}

/** The oldest are forgotten beyond this; at some 300 bytes each that is 30 MB. */
export const maxBindings = 100_000;

/** What had ended by `now` is not read. */
export async function createBindings(store: BindingStore, now: number): Promise<Bindings> {
  const rows = new Map<string, KnownBinding>();
  // The first to be forgotten come first.
  for (const row of (await store.load(now, maxBindings)).reverse())
    rows.set(`${row.kind} ${row.key}`, { ...row, writtenUntil: row.expiresAt });

  function live(id: string, now: number): KnownBinding | undefined {
    const row = rows.get(id);
    return row && row.expiresAt > now ? row : undefined;
  }

  return {
    async find(kind, key, now) {
      return live(`${kind} ${storedKey(key)}`, now);
    },

    async bind({ kind, key, accountId, now, ttlMs, renewalThresholdMs, isMove = false }) {
      const hash = storedKey(key);
      const id = `${kind} ${hash}`;
      const known = isMove ? undefined : live(id, now);
      const fallbackId = known && known.accountId !== accountId ? accountId : undefined;
      const row = { kind, key: hash, accountId: known?.accountId ?? accountId, fallbackId };
      const expiresAt = now + ttlMs;
      const written = known?.writtenUntil ?? Number.NEGATIVE_INFINITY;
      const isWritten =
        expiresAt - written < Math.min(renewalThresholdMs, ttlMs) && known?.fallbackId === fallbackId;
      rows.delete(id);
      rows.set(id, { ...row, expiresAt, writtenUntil: isWritten ? written : expiresAt });
      if (rows.size > maxBindings) rows.delete(rows.keys().next().value!);
      if (!isWritten) await store.save({ ...row, expiresAt });
    },

    async dropAccount(accountId) {
      for (const [id, row] of rows) {
        if (row.kind === "session" && row.accountId === accountId) rows.delete(id);
        else if (row.fallbackId === accountId) rows.set(id, { ...row, fallbackId: undefined });
      }
      await store.dropAccount(accountId);
    },

    prune(now) {
      for (const [id, row] of rows) if (row.expiresAt <= now) rows.delete(id);
    },
  };
}

/** Session keys are hashes already; some turn states are kilobytes. */
function storedKey(key: string): string {
  return key.length <= 64 ? key : createHash("sha256").update(key).digest("base64url");
}
