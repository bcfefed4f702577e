// Reads the accounts' present state: what is configured, what the store has learned of them, and their last 24 hours.

import { isOfClients } from "../account-kinds/account-kind.ts";
import { type Account, createAccount, readCooldown } from "../accounts/account.ts";
import { forgetLoginAfterMs, readStateId } from "../accounts/logins.ts";
import { readStatus } from "../accounts/state.ts";
import type { AccountConfig, Config } from "../config/config.ts";
import { type AccountView, type LoginView, readLogin } from "../documents/account.ts";
import type { AccountStateRow, CooldownRow, Store } from "../store/store.ts";
import type { AccountActivity } from "../store/usage-store.ts";

const dayMs = 86_400_000;

/** In the order of the configuration; changes nothing. */
export async function readAccountViews(
  { accounts, session }: Pick<Config, "accounts" | "session">,
  store: Pick<Store, "accounts" | "usage">,
  now: number,
): Promise<AccountView[]> {
  const [states, cooldowns, activity] = await Promise.all([
    store.accounts.states(),
    store.accounts.cooldowns(),
    store.usage.activity(now - dayMs),
  ]);
  return accounts.map((config) => {
    const isOwn = ({ accountId }: { accountId: string }) => accountId === config.id;
    const learned = {
      state: states.find(isOwn),
      cooldowns: cooldowns.filter(isOwn),
      activity: activity.find(isOwn),
    };
    const view = viewOf(config, learned, { ...session, now });
    if (!isOfClients(config)) return view;
    return { ...view, logins: loginsOn(config, { states, cooldowns }, { ...session, now }) };
  });
}

type At = { switchAtUtilization: number; now: number };

function loginsOn(
  config: AccountConfig,
  rows: { states: readonly AccountStateRow[]; cooldowns: readonly CooldownRow[] },
  at: At,
): LoginView[] {
  const isOnIt = ({ accountId, login }: ReturnType<typeof readStateId>) =>
    accountId === config.id && login !== undefined;
  const cooldowns = Map.groupBy(rows.cooldowns, ({ accountId }) => accountId);
  return rows.states
    .filter(
      ({ accountId, lastUsedAt = 0 }) =>
        isOnIt(readStateId(accountId)) && lastUsedAt > at.now - forgetLoginAfterMs,
    )
    .sort((a, b) => (b.lastUsedAt ?? 0) - (a.lastUsedAt ?? 0))
    .map((state) => {
      const account = restore(config, cooldowns.get(state.accountId) ?? [], state);
      account.login = readStateId(state.accountId).login;
      account.lastUsedAt = state.lastUsedAt ?? 0;
      return readLogin(account, at);
    });
}

interface Learned {
  state: AccountStateRow | undefined;
  cooldowns: readonly CooldownRow[];
  activity: AccountActivity | undefined;
}

function viewOf(config: AccountConfig, { state, cooldowns, activity }: Learned, at: At): AccountView {
  return {
    config,
    status: readStatus(restore(config, cooldowns, state), at),
    lastUsedAt: state?.lastUsedAt,
    windows: state?.windows ?? [],
    requests24h: activity?.requests ?? 0,
    tokens24h: activity?.tokens ?? 0,
    costUsd24h: activity === undefined ? 0 : activity.costUsd,
  };
}

/** The account as the relay would have it after a start. */
function restore(
  config: AccountConfig,
  cooldowns: readonly CooldownRow[],
  state: AccountStateRow | undefined,
): Account {
  const account = createAccount(config);
  for (const window of state?.windows ?? []) account.windows.set(window.name, window);
  if (state?.truncatedAt !== undefined) account.truncations = { count: 1, at: state.truncatedAt };
  for (const cooldown of cooldowns.flatMap((row) => readCooldown(row) ?? []))
    account.cooldowns.set(cooldown.scope, cooldown);
  return account;
}
