// A pool over a store in memory, with clocks that a test sets.

import type { Account } from "../../src/accounts/account.ts";
import { createBindings } from "../../src/accounts/bindings.ts";
import { createPool, type Pool, type PoolConfig } from "../../src/accounts/pool.ts";
import { readStatus as readStatusAt } from "../../src/accounts/state.ts";
import type { AccountConfig } from "../../src/config/config.ts";
import type { Failure } from "../../src/domain/failure.ts";
import { accountConfig, memoryAccountStore, memoryBindingStore, session, start } from "./fakes.ts";

export const readStatus = (account: Account, now: number) => readStatusAt(account, { ...session, now });

export async function setUp(ids = ["a", "b"]) {
  const clock: { now: number; monotonic?: number } = { now: start };
  const forgotten: string[] = [];
  const accounts = memoryAccountStore();
  const bindings = await createBindings(memoryBindingStore(), start);
  const open = (): Promise<Pool> =>
    createPool({
      config: configOf(ids.map((id) => accountConfig(id))),
      store: accounts,
      bindings,
      clock: { now: () => clock.now, monotonic: () => clock.monotonic ?? clock.now },
      onForgotten: (id) => void forgotten.push(id),
    });
  return { clock, accounts, bindings, forgotten, open, pool: await open() };
}

export function configOf(accounts: AccountConfig[], more: Partial<PoolConfig> = {}): PoolConfig {
  return { accounts, session, oauth: { claude: {}, gemini: {} }, environmentProxy: undefined, ...more };
}

export const stopped = { now: () => start, monotonic: () => start };

export const limit = {
  kind: "rate-limited",
  scope: "account",
  until: start + 7_200_000,
  reason: "5h window is used up",
} as const satisfies Failure;
export const fault = { kind: "server-error", status: 500, reason: "internal" } as const satisfies Failure;

export const hour = 3_600_000;
export const day = 24 * hour;
export const billed = { modelScope: "opus", sentAt: start, isBilled: true };
export const refused = { kind: "unauthorized", reason: "invalid x-api-key" } as const satisfies Failure;
