// Account state and rests in SQLite.

import type { Window } from "../usage/window.ts";
import type { Connection } from "./connection.ts";
import type { AccountStateRow, AccountStore, RestRow } from "./store.ts";

export function createAccountStore({ database, run }: Connection): AccountStore {
  const states = database.prepare<[], StateRecord>(
    "SELECT account_id, last_used_at, windows FROM account_states",
  );
  const saveState = database.prepare(`
    INSERT INTO account_states (account_id, last_used_at, windows) VALUES (?, ?, ?)
    ON CONFLICT (account_id) DO UPDATE SET last_used_at = excluded.last_used_at, windows = excluded.windows`);
  const rests = database.prepare<[], RestRecord>(`
    SELECT account_id AS accountId, scope, since, until, kind, reason, settings, probed_at AS probedAt
    FROM rests ORDER BY account_id, scope`);
  const saveRest = database.prepare<RestRecord>(`
    INSERT INTO rests (account_id, scope, since, until, kind, reason, settings, probed_at)
    VALUES (@accountId, @scope, @since, @until, @kind, @reason, @settings, @probedAt)
    ON CONFLICT (account_id, scope) DO UPDATE SET since = excluded.since, until = excluded.until,
      kind = excluded.kind, reason = excluded.reason, settings = excluded.settings, probed_at = excluded.probed_at`);
  const clearRest = database.prepare("DELETE FROM rests WHERE account_id = ? AND scope = ?");
  const clearRests = database.prepare("DELETE FROM rests WHERE account_id = ?");
  const forgetting = [
    "DELETE FROM account_states WHERE account_id = ?",
    "DELETE FROM rests WHERE account_id = ?",
    // What is tied to the account's state at the provider stays: who asks for it is told that the account is gone.
    "DELETE FROM bindings WHERE account_id = ? AND kind = 'session'",
    "UPDATE bindings SET detour_id = NULL WHERE detour_id = ?",
    "DELETE FROM tokens WHERE account_id = ?",
  ].map((sql) => database.prepare(sql));
  const forget = database.transaction((accountId: string) => {
    for (const statement of forgetting) statement.run(accountId);
  });

  return {
    states: () => run(() => states.all().map(toState)),
    saveState: (row) =>
      run(() => void saveState.run(row.accountId, row.lastUsedAt ?? null, JSON.stringify(row.windows))),
    rests: () => run(() => rests.all().map((row) => ({ ...row, settings: row.settings ?? undefined }))),
    saveRest: (row) => run(() => void saveRest.run({ ...row, settings: row.settings ?? null })),
    clearRests: (accountId, scope) =>
      run(() => void (scope === undefined ? clearRests.run(accountId) : clearRest.run(accountId, scope))),
    forget: (accountId) => run(() => forget.immediate(accountId)),
  };
}

type RestRecord = Omit<RestRow, "settings"> & { settings: string | null };

interface StateRecord {
  account_id: string;
  last_used_at: number | null;
  windows: string;
}

function toState(record: StateRecord): AccountStateRow {
  const windows = JSON.parse(record.windows) as Partial<Window>[];
  return {
    accountId: record.account_id,
    lastUsedAt: record.last_used_at ?? undefined,
    // JSON has no undefined: a field that was not told is missing in it.
    windows: windows.map(({ name = "", utilization, resetsAt, status }) => ({
      name,
      utilization,
      resetsAt,
      status,
    })),
  };
}
