// An account as `accounts list --json`, `/status` and the page show it.

import type { AccountStatus } from "../accounts/state.ts";
import type { AccountConfig } from "../config/config.ts";
import { rfc3339 } from "../terminal/format.ts";
import type { Window } from "../usage/window.ts";
import type { AccountDocument } from "./types.ts";

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

export function toAccountDocument(view: AccountView): AccountDocument {
  const { config, status, lastUsedAt, windows, requests24h, tokens24h } = view;
  return {
    id: config.id,
    name: config.name,
    type: config.type,
    family: config.family,
    priority: config.priority,
    enabled: config.enabled,
    state: status.state,
    reason: status.reason ?? null,
    until: timeOrNull(status.until),
    last_used_at: timeOrNull(lastUsedAt),
    windows: windows.map(({ name, utilization, resetsAt, status: word }) => ({
      name,
      utilization: utilization ?? null,
      resets_at: timeOrNull(resetsAt),
      status: word ?? null,
    })),
    requests_24h: requests24h,
    tokens_24h: tokens24h,
  };
}

function timeOrNull(at: number | undefined): string | null {
  return at === undefined ? null : rfc3339(at);
}
