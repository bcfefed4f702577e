// An account as `accounts list --json`, `/status` and the page show it.

import type { Account } from "../accounts/account.ts";
import { type AccountStatus, readStatus } from "../accounts/state.ts";
import type { AccountConfig } from "../config/config.ts";
import { rfc3339 } from "../text/format.ts";
import type { Window } from "../usage/window.ts";
import type { AccountDocument, LoginDocument, WindowDocument } from "./types.ts";

export interface LoginView {
  hash: string;
  status: AccountStatus;
  lastUsedAt: number | undefined;
  windows: readonly Window[];
}

/** What an account did in the last 24 hours. */
export interface AccountUse {
  requests24h: number;
  /** All kinds together. */
  tokens24h: number;
  /** At list prices; undefined when there are only requests without a price. */
  costUsd24h: number | undefined;
}

export interface AccountView extends AccountUse {
  config: AccountConfig;
  status: AccountStatus;
  /** Epoch ms; undefined when it was never used. */
  lastUsedAt: number | undefined;
  /** As the provider reported them last, also those that have ended since. */
  windows: readonly Window[];
  /** The clients' own logins, the last used first; undefined for an account with a credential of its own. */
  logins?: readonly LoginView[];
}

export function toAccountDocument(view: AccountView): AccountDocument {
  const { config, status, lastUsedAt, windows, logins, requests24h, tokens24h, costUsd24h } = view;
  return {
    id: config.id,
    name: config.name,
    type: config.type,
    family: config.family,
    priority: config.priority,
    enabled: config.enabled,
    ...toStatusDocument(status),
    last_used_at: timeOrNull(lastUsedAt),
    windows: windows.map(toWindowDocument),
    ...(logins && { logins: logins.map(toLoginDocument) }),
    requests_24h: requests24h,
    tokens_24h: tokens24h,
    cost_usd_24h: costUsd24h ?? null,
  };
}

/** What is known of a client's own login; see Account.login. */
export function readLogin(account: Account, at: { switchAtUtilization: number; now: number }): LoginView {
  return {
    hash: account.login ?? "",
    status: readStatus(account, at),
    lastUsedAt: account.lastUsedAt || undefined,
    windows: [...account.windows.values()],
  };
}

function toLoginDocument({ hash, status, windows }: LoginView): LoginDocument {
  return { hash, ...toStatusDocument(status), windows: windows.map(toWindowDocument) };
}

function toStatusDocument({ state, reason, until }: AccountStatus) {
  return { state, reason: reason ?? null, until: timeOrNull(until) };
}

function toWindowDocument({ name, utilization, resetsAt, status }: Window): WindowDocument {
  return {
    name,
    utilization: utilization ?? null,
    resets_at: timeOrNull(resetsAt),
    status: status ?? null,
  };
}

function timeOrNull(at: number | undefined): string | null {
  return at === undefined ? null : rfc3339(at);
}
