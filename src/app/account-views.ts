// The accounts as they stand now: what is configured, what the store has learned of them, and their last 24 hours.

import { type Account, createAccount, readRest } from "../accounts/account.ts";
import { type AccountStatus, readStatus } from "../accounts/state.ts";
import type { AccountConfig, Config } from "../config/config.ts";
import type { AccountActivity, AccountStateRow, RestRow, Store } from "../store/store.ts";
import type { Window } from "../usage/window.ts";

export interface AccountView {
  config: AccountConfig;
  status: AccountStatus;
  /** Epoch ms; undefined when it was never used. */
  lastUsedAt: number | undefined;
  /** As the provider reported them last, also those that have ended since. */
  windows: readonly Window[];
  requests24h: number;
  /** All kinds together. */
  tokens24h: number;
}

const dayMs = 86_400_000;

/** In the order of the configuration; changes nothing. */
export async function readAccountViews(
  { accounts }: Pick<Config, "accounts">,
  store: Pick<Store, "accounts" | "usage">,
  now: number,
): Promise<AccountView[]> {
  const [states, rests, activity] = await Promise.all([
    store.accounts.states(),
    store.accounts.rests(),
    store.usage.activity(now - dayMs),
  ]);
  return accounts.map((config) => {
    const isOwn = ({ accountId }: { accountId: string }) => accountId === config.id;
    const learned = { state: states.find(isOwn), rests: rests.filter(isOwn), activity: activity.find(isOwn) };
    return viewOf(config, learned, now);
  });
}

interface Learned {
  state: AccountStateRow | undefined;
  rests: readonly RestRow[];
  activity: AccountActivity | undefined;
}

function viewOf(config: AccountConfig, { state, rests, activity }: Learned, now: number): AccountView {
  return {
    config,
    status: readStatus(restore(config, rests), now),
    lastUsedAt: state?.lastUsedAt,
    windows: state?.windows ?? [],
    requests24h: activity?.requests ?? 0,
    tokens24h: activity?.tokens ?? 0,
  };
}

/** The account as the relay would have it after a start. */
function restore(config: AccountConfig, rests: readonly RestRow[]): Account {
  const account = createAccount(config);
  for (const rest of rests.flatMap((row) => readRest(row) ?? [])) account.rests.set(rest.scope, rest);
  return account;
}
