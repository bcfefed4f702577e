// Sticky sessions and provider state bound to an account, in SQLite.

import type { Connection } from "./connection.ts";
import type { BindingRow, BindingStore } from "./store.ts";

export function createBindingStore({ database, run }: Connection): BindingStore {
  // `+`: by its index each row would be looked up on its own, which costs six times as much as to read them all.
  const load = database.prepare<[number, number], BindingRow & { fallbackId: string | null }>(`
    SELECT kind, key, account_id AS accountId, fallback_id AS fallbackId, expires_at AS expiresAt
    FROM bindings WHERE +expires_at > ? ORDER BY kind = 'session' DESC, expires_at DESC LIMIT ?`);
  const save = database.prepare(`
    INSERT INTO bindings (kind, key, account_id, fallback_id, expires_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (kind, key) DO UPDATE SET account_id = excluded.account_id, fallback_id = excluded.fallback_id,
      expires_at = excluded.expires_at`);
  const dropBound = database.prepare("DELETE FROM bindings WHERE account_id = ? AND kind = 'session'");
  const dropFallbacks = database.prepare("UPDATE bindings SET fallback_id = NULL WHERE fallback_id = ?");
  const dropAccount = database.transaction((accountId: string) => {
    dropBound.run(accountId);
    dropFallbacks.run(accountId);
  });
  const prune = database.prepare(`
    DELETE FROM bindings WHERE (kind, key) IN
      (SELECT kind, key FROM bindings WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`);
  const count = database.prepare<[], { rows: number }>("SELECT count(*) AS rows FROM bindings");
  const trim = database.prepare(`
    DELETE FROM bindings WHERE (kind, key) IN
      (SELECT kind, key FROM bindings ORDER BY kind = 'session', expires_at LIMIT ?)`);

  return {
    load: (now, max) =>
      run(() => load.all(now, max).map((row) => ({ ...row, fallbackId: row.fallbackId ?? undefined }))),
    save: (row) =>
      run(() => void save.run(row.kind, row.key, row.accountId, row.fallbackId ?? null, row.expiresAt)),
    dropAccount: (accountId) => run(() => dropAccount.immediate(accountId)),
    prune: (now, limit) => run(() => prune.run(now, limit).changes),
    trim: (max, limit) =>
      run(() => {
        const excess = (count.get()?.rows ?? 0) - max;
        return excess > 0 ? trim.run(Math.min(excess, limit)).changes : 0;
      }),
  };
}
