// While one account serves, a connection to the one that would be asked next: a failover then waits for no handshake.

import { isOfClients } from "../account-kinds/account-kind.ts";
import type { Account } from "../accounts/account.ts";
import type { Pool } from "../accounts/pool.ts";
import { selectAccount } from "../accounts/select.ts";
import type { Config } from "../config/config.ts";
import type { Family } from "../domain/family.ts";
import type { Dispatchers } from "../network/dispatchers.ts";
import type { RelayEvents } from "../relay/events.ts";
import { splitUrl } from "../upstreams/request.ts";

export interface NextConnectionsParts {
  pool: Pick<Pool, "accounts">;
  dispatchers: Pick<Dispatchers, "openAhead">;
  config(): Pick<Config, "session">;
  /** Epoch ms. */
  now(): number;
}

/** For each family no more often than this. */
const intervalMs = 60_000;

export function openNextConnections(events: RelayEvents, parts: NextConnectionsParts): void {
  const openedAt = new Map<Family, number>();
  events.on("answerStarted", ({ family, account }) => {
    const now = parts.now();
    if (Math.abs(now - (openedAt.get(family) ?? 0)) < intervalMs) return;
    openedAt.set(family, now);
    const next = findNext(family, account, parts);
    if (!next) return;
    const { id, proxy, apiUrl } = next.config;
    parts.dispatchers.openAhead(id, proxy, splitUrl(apiUrl).origin);
  });
}

/** Undefined: nobody has room, or who has would use the client's own login, whose provider the request decides. */
function findNext(
  family: Family,
  current: string,
  { pool, config, now }: NextConnectionsParts,
): Account | undefined {
  const own = pool.accounts.filter(({ config }) => config.family === family && !isOfClients(config));
  const { switchAtUtilization, foreignAfterMs } = config().session;
  const choice = selectAccount(own, {
    ...{ model: undefined, modelScope: "", canServe: () => true, opensTurn: () => true },
    ...{ pinned: undefined, required: undefined, sticky: undefined, fallback: undefined },
    ...{ tried: new Set([current]), maxWaitMs: 0, mayProbe: false },
    ...{ switchAtUtilization, foreignAfterMs, now: now() },
  });
  return choice.kind === "use" ? choice.account : undefined;
}
