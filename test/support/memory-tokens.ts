// A token store in memory that can be made to fail like a full disk.

import type { TokenRow, TokenStore } from "../../src/domain/token-store.ts";

export interface MemoryTokens extends TokenStore {
  rows: Map<string, TokenRow>;
  /** Thrown by every write while set. */
  writeError: Error | undefined;
  /** Thrown by every attempt to lock while set. */
  lockError: Error | undefined;
  /** Every row that was written, in order. */
  written: TokenRow[];
  /** Whether anybody holds an account's lock. */
  isLocked(accountId: string): boolean;
}

export function createMemoryTokens(): MemoryTokens {
  const queues = new Map<string, Promise<unknown>>();
  const held = new Set<string>();
  const store: MemoryTokens = {
    rows: new Map(),
    writeError: undefined,
    lockError: undefined,
    written: [],
    isVolatile: () => false,
    isLocked: (accountId) => held.has(accountId),
    async load(accountId) {
      const row = store.rows.get(accountId);
      return row && { ...row };
    },
    async replace(row, expectedGeneration) {
      if (store.writeError) throw store.writeError;
      if (store.rows.get(row.accountId)?.generation !== expectedGeneration) return false;
      store.rows.set(row.accountId, { ...row });
      store.written.push({ ...row });
      return true;
    },
    async takeOver(accountId, configuredHash) {
      const other = [...store.rows.values()].find((row) => row.configuredHash === configuredHash);
      if (other === undefined) return undefined;
      if (store.writeError) throw store.writeError;
      const own = store.rows.get(accountId);
      store.rows.delete(other.accountId);
      if (own !== undefined) store.rows.set(other.accountId, { ...own, accountId: other.accountId });
      store.rows.set(accountId, { ...other, accountId });
      return { ...other, accountId };
    },
    async withLock(accountId, work, signal) {
      if (store.lockError) throw store.lockError;
      const before = queues.get(accountId) ?? Promise.resolve();
      const done = Promise.withResolvers<void>();
      queues.set(
        accountId,
        before.then(() => done.promise),
      );
      try {
        await unlessAborted(before, signal);
        held.add(accountId);
        return await work().finally(() => held.delete(accountId));
      } finally {
        done.resolve();
      }
    },
  };
  return store;
}

async function unlessAborted(promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  signal?.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
  await Promise.race([promise, aborted.promise]);
}
