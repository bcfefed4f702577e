// Account state and cooldowns in SQLite.

import { isObject, parseJson } from "../json/json-values.ts";
import type { Window } from "../usage/window.ts";
import type { Connection } from "./connection.ts";
import { readLoginSecret } from "./login-key.ts";
import type { AccountStateRow, AccountStore, ChangedAccounts, CooldownRow } from "./store.ts";

/** @param touch called with each account that is about to be changed. */
export function createAccountStore(
  { database, run, path }: Connection,
  touch: (accountId: string) => void,
): AccountStore {
  const ofThese = "(@only IS NULL OR account_id IN (SELECT value FROM json_each(@only)))";
  const states = database.prepare<Only, StateRecord>(`
    SELECT account_id, last_used_at, windows, truncated_at, secret_hash, forgotten_at
    FROM account_states WHERE ${ofThese}`);
  const saveState = database.prepare(`
    INSERT INTO account_states (account_id, last_used_at, windows, truncated_at, secret_hash) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (account_id) DO UPDATE SET last_used_at = excluded.last_used_at, windows = excluded.windows,
      truncated_at = excluded.truncated_at, secret_hash = excluded.secret_hash`);
  const cooldowns = database.prepare<Only, CooldownRecord>(`
    SELECT account_id AS accountId, scope, since, until, kind, reason, settings, probed_at AS probedAt
    FROM cooldowns WHERE ${ofThese} ORDER BY account_id, scope`);
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

  function write(accountId: string, work: () => void): Promise<void> {
    touch(accountId);
    return run(work);
  }

  return {
    states: (only) => run(() => states.all(toList(only)).map(toState)),
    saveState: (row) =>
      write(
        row.accountId,
        () =>
          void saveState.run(
            row.accountId,
            row.lastUsedAt ?? null,
            JSON.stringify(row.windows),
            row.truncatedAt ?? null,
            row.secretHash ?? null,
          ),
      ),
    cooldowns: (only) =>
      run(() => cooldowns.all(toList(only)).map((row) => ({ ...row, settings: row.settings ?? undefined }))),
    saveCooldown: (row) =>
      write(row.accountId, () => void saveCooldown.run({ ...row, settings: row.settings ?? null })),
    clearCooldowns: (accountId, scope) =>
      write(
        accountId,
        () =>
          void (scope === undefined ? clearCooldowns.run(accountId) : clearCooldown.run(accountId, scope)),
      ),
    forgetLearned: (accountId, now) => write(accountId, () => forgetLearned.immediate(accountId, now)),
    forget: (accountId) => write(accountId, () => forget.immediate(accountId)),
    loginKey: () => run(() => Buffer.concat([loginKey.get()!, readLoginSecret(path)])),
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

/** A JSON list; null: all of them. */
type Only = { only: string | null };

function toList(only: ChangedAccounts | undefined): Only {
  return { only: only === undefined ? null : JSON.stringify([...only]) };
}
