// Accounts, stores and selections for tests of the scheduler.

import { type Account, createAccount } from "../../src/accounts/account.ts";
import type { Selection } from "../../src/accounts/select.ts";
import type { AccountConfig, SessionConfig } from "../../src/config/config.ts";
import { defaultAccount } from "../../src/config/defaults.ts";
import type {
  AccountStateRow,
  AccountStore,
  BindingRow,
  BindingStore,
  CooldownRow,
} from "../../src/store/store.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";

export const start = Date.UTC(2026, 10, 22, 12);

export const session: SessionConfig = {
  stickyTtlMs: 3_600_000,
  renewalThresholdMs: 300_000,
  unavailableCooldownMs: 3_600_000,
  switchAtUtilization: 0.98,
  maxWaitMs: 5000,
  holdMs: 0,
  foreignAfterMs: 300_000,
};

export function accountConfig(id: string, overrides: Partial<AccountConfig> = {}): AccountConfig {
  return defaultAccount({ id, kind: accountKinds["claude-api"], secret: `secret-of-${id}`, ...overrides });
}

export function account(id: string, overrides: Partial<AccountConfig> = {}): Account {
  return createAccount(accountConfig(id, overrides));
}

export function selection(overrides: Partial<Selection> = {}): Selection {
  return {
    model: "claude-opus-5-5",
    modelScope: "opus",
    canServe: () => true,
    pinned: undefined,
    required: undefined,
    sticky: undefined,
    fallback: undefined,
    tried: new Set(),
    maxWaitMs: 5000,
    switchAtUtilization: 0.98,
    mayProbe: true,
    opensTurn: () => true,
    foreignAfterMs: 300_000,
    now: start,
    ...overrides,
  };
}

export interface MemoryAccountStore extends AccountStore {
  cooldownRows: Map<string, CooldownRow>;
  stateRows: Map<string, AccountStateRow>;
}

export function memoryAccountStore(): MemoryAccountStore {
  const cooldownRows = new Map<string, CooldownRow>();
  const stateRows = new Map<string, AccountStateRow>();
  return {
    cooldownRows,
    stateRows,
    states: async (only) => [...stateRows.values()].filter((row) => only?.has(row.accountId) ?? true),
    saveState: async (row) => void stateRows.set(row.accountId, row),
    cooldowns: async (only) => [...cooldownRows.values()].filter((row) => only?.has(row.accountId) ?? true),
    saveCooldown: async (row) => void cooldownRows.set(`${row.accountId} ${row.scope}`, row),
    async clearCooldowns(accountId, scope) {
      for (const [key, row] of cooldownRows) {
        if (row.accountId === accountId && (scope === undefined || row.scope === scope))
          cooldownRows.delete(key);
      }
    },
    async forgetLearned(accountId, forgottenAt) {
      await this.clearCooldowns(accountId);
      const lastUsedAt = stateRows.get(accountId)?.lastUsedAt;
      stateRows.set(accountId, { accountId, lastUsedAt, windows: [], forgottenAt });
    },
    loginKey: async () => Buffer.alloc(32, 1),
    async forget(accountId) {
      stateRows.delete(accountId);
      await this.clearCooldowns(accountId);
    },
  };
}

export interface MemoryBindingStore extends BindingStore {
  rows: Map<string, BindingRow>;
  saves: number;
}

export function memoryBindingStore(): MemoryBindingStore {
  const rows = new Map<string, BindingRow>();
  return {
    rows,
    saves: 0,
    load: async (now, max) =>
      [...rows.values()]
        .filter((row) => row.expiresAt > now)
        .sort(
          (a, b) => Number(b.kind === "session") - Number(a.kind === "session") || b.expiresAt - a.expiresAt,
        )
        .slice(0, max),
    async save(row) {
      this.saves++;
      rows.set(`${row.kind} ${row.key}`, row);
    },
    async dropAccount(accountId) {
      for (const [key, row] of rows) if (row.accountId === accountId) rows.delete(key);
    },
    prune: async () => 0,
    trim: async () => 0,
  };
}
