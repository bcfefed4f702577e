// Account state and cooldowns in SQLite.

import { isObject, parseJson } from "../json/json-values.ts";
import type { Window } from "../usage/window.ts";
import type { Connection } from "./connection.ts";
import type { AccountStateRow, AccountStore, CooldownRow } from "./store.ts";

export function createAccountStore({ database, run }: Connection): AccountStore {
  const states = database.prepare<[], StateRecord>(
    "SELECT account_id, last_used_at, windows, truncated_at, secret_hash, forgotten_at FROM account_states",
  );
  const saveState = database.prepare(`
    INSERT INTO account_states (account_id, last_used_at, windows, truncated_at, secret_hash) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (account_id) DO UPDATE SET last_used_at = excluded.last_used_at, windows = excluded.windows,
      truncated_at = excluded.truncated_at, secret_hash = excluded.secret_hash`);
  const cooldowns = database.prepare<[], CooldownRecord>(`
    SELECT account_id AS accountId, scope, since, until, kind, reason, settings, probed_at AS probedAt
    FROM cooldowns ORDER BY account_id, scope`);
  const saveCooldown = database.prepare<CooldownRecord>(`
    INSERT INTO cooldowns (account_id, scope, since, until, kind, reason, settings, probed_at)
    VALUES (@accountId, @scope, @since, @until, @kind, @reason, @settings, @probedAt)
    ON CONFLICT (account_id, scope) DO UPDATE SET since = excluded.since, until = excluded.until,
      kind = excluded.kind, reason = excluded.reason, settings = excluded.settings, probed_at = excluded.probed_at`);
  const clearCooldown = database.prepare("DELETE FROM cooldowns WHERE account_id = ? AND scope = ?");
  const clearCooldowns = database.prepare("DELETE FROM cooldowns WHERE account_id = ?");
  const forgetState = database.prepare(`
    INSERT INTO account_states (account_id, windows, forgotten_at) VALUES (?, '[]', ?)
    ON CONFLICT (account_id) DO UPDATE SET windows = '[]', truncated_at = NULL, forgotten_at = excluded.forgotten_at`);
  const clearLoginCooldowns = database.prepare(`DELETE FROM cooldowns WHERE ${isLoginOf}`);
  const forgetLoginStates = database.prepare(
    `UPDATE account_states SET windows = '[]', truncated_at = NULL, forgotten_at = @now WHERE ${isLoginOf}`,
  );
  const forgetLearned = database.transaction((accountId: string, now: number) => {
    clearCooldowns.run(accountId);
    forgetState.run(accountId, now);
    clearLoginCooldowns.run({ accountId });
    forgetLoginStates.run({ accountId, now });
  });
  const loginKey = database.prepare<[], Buffer>("SELECT key FROM login_key").pluck();
  const forgetting = [
    "DELETE FROM account_states WHERE account_id = ?",
    "DELETE FROM cooldowns WHERE account_id = ?",
    // What is bound to the account's state at the provider stays: a request for it is answered that the account is gone.
    "DELETE FROM bindings WHERE account_id = ? AND kind = 'session'",
    "UPDATE bindings SET fallback_id = NULL WHERE fallback_id = ?",
    "DELETE FROM tokens WHERE account_id = ?",
  ].map((sql) => database.prepare(sql));
  const forgetLogins = ["account_states", "cooldowns"].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE ${isLoginOf}`),
  );
  const forget = database.transaction((accountId: string) => {
    for (const statement of forgetting) statement.run(accountId);
    for (const statement of forgetLogins) statement.run({ accountId });
  });

  return {
    states: () => run(() => states.all().map(toState)),
    saveState: (row) =>
      run(
        () =>
          void saveState.run(
            row.accountId,
            row.lastUsedAt ?? null,
            JSON.stringify(row.windows),
            row.truncatedAt ?? null,
            row.secretHash ?? null,
          ),
      ),
    cooldowns: () =>
      run(() => cooldowns.all().map((row) => ({ ...row, settings: row.settings ?? undefined }))),
    saveCooldown: (row) => run(() => void saveCooldown.run({ ...row, settings: row.settings ?? null })),
    clearCooldowns: (accountId, scope) =>
      run(
        () =>
          void (scope === undefined ? clearCooldowns.run(accountId) : clearCooldown.run(accountId, scope)),
      ),
    forgetLearned: (accountId, now) => run(() => forgetLearned.immediate(accountId, now)),
    forget: (accountId) => run(() => forget.immediate(accountId)),
    loginKey: () => run(() => loginKey.get()!),
  };
}

/** Rows of the clients' own logins on an account: its id, a space, and the login's hash. */
const isLoginOf = "substr(account_id, 1, length(@accountId) + 1) = @accountId || ' '";

type CooldownRecord = Omit<CooldownRow, "settings"> & { settings: string | null };

interface StateRecord {
  account_id: string;
  last_used_at: number | null;
  windows: string;
  truncated_at: number | null;
  secret_hash: string | null;
  forgotten_at: number | null;
}

function toState(record: StateRecord): AccountStateRow {
  return {
    accountId: record.account_id,
    lastUsedAt: record.last_used_at ?? undefined,
    ...(record.truncated_at !== null && { truncatedAt: record.truncated_at }),
    ...(record.secret_hash !== null && { secretHash: record.secret_hash }),
    ...(record.forgotten_at !== null && { forgottenAt: record.forgotten_at }),
    windows: readWindows(parseJson(record.windows)),
  };
}

/** Windows come anew with every answer: what cannot be read is not known. */
function readWindows(list: unknown): Window[] {
  if (!Array.isArray(list)) return [];
  return list.filter(isObject).map(({ name, utilization, resetsAt, status }) => ({
    name: typeof name === "string" ? name : "",
    utilization: finite(utilization),
    resetsAt: finite(resetsAt),
    status: typeof status === "string" ? status : undefined,
  }));
}

function finite(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
