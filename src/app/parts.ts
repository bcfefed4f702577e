// Creates the parts that serve requests: accounts, logins, connections, events, and what the pipeline needs of them.

import { createBindings } from "../accounts/bindings.ts";
import { createCredentialSource } from "../accounts/credentials.ts";
import { createLoginHash } from "../accounts/logins.ts";
import { createPool, type Pool } from "../accounts/pool.ts";
import { createSlowStart } from "../accounts/slow-start.ts";
import { readStatus } from "../accounts/state.ts";
import type { Config } from "../config/config.ts";
import { createDispatchers } from "../network/dispatchers.ts";
import { createTokenSource, type TokenSource } from "../oauth/tokens.ts";
import { createRelayKeys } from "../relay/authenticate.ts";
import { logEvents } from "../relay/event-log.ts";
import { countEvents } from "../relay/event-metrics.ts";
import { createRelayEvents } from "../relay/events.ts";
import type { RelayDeps } from "../relay/exchange.ts";
import { createScratch } from "../relay/join-body.ts";
import { createMemoryBudget } from "../relay/memory-budget.ts";
import { createModelLists } from "../relay/model-lists.ts";
import { createShortageLog } from "../relay/shortage.ts";
import type { Store } from "../store/store.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { systemClock } from "../time/clock.ts";
import { systemTimers } from "../time/timers.ts";
import { forgiveWrites, type LateUsage, type WriteWait } from "./database-writes.ts";
import { openNextConnections } from "./next-connections.ts";
import { createDetachedRefreshes } from "./refresh-process/detached-refreshes.ts";

import type { RelayAppOptions } from "./relay-app.ts";

export async function createParts(
  { store, usage, wait }: { store: Store; usage: LateUsage; wait: WriteWait },
  config: () => Config,
  {
    log,
    secrets,
    version,
    clock = systemClock,
    refreshes,
    holdBackMs,
    timers = systemTimers,
  }: Pick<RelayAppOptions, "log" | "secrets" | "version" | "clock" | "refreshes" | "holdBackMs" | "timers">,
): Promise<{ deps: RelayDeps; pool: Pool; tokens: TokenSource; eventLog: { flush(): void } }> {
  const { now } = clock;
  const { server, environmentProxy } = config();
  const { databasePath } = server;
  const network = {
    get connectTimeoutMs() {
      return config().upstream.connectTimeoutMs;
    },
    environmentProxy,
  };
  const learned = forgiveWrites(store, { wait, log });
  // All of them: a clock that is ahead for the moment must not end them.
  const bindings = await createBindings(learned.bindings, 0);
  const events = createRelayEvents((error) => log.error({ err: String(error) }, "event listener failed"));
  let retryLogin = (_accountId: string) => {};
  const pool = await createPool({
    config: config(),
    store: learned.accounts,
    bindings,
    clock,
    onForgotten: (id) => retryLogin(id),
    onChange: ({ config: { id } }) => events.emit("accountChanged", () => ({ account: id })),
  });
  const dispatchers = createDispatchers(network);
  const site = () => ({ databasePath, ...network });
  const tokens = createTokenSource({
    tokens: store.tokens,
    dispatcherFor: (account) => dispatchers.for(account.id, account.proxy),
    config: () => config().oauth,
    clock,
    onSecret: (secret) => secrets?.add(secret),
    log,
    runnerFor: refreshes && createDetachedRefreshes({ site, tokens: store.tokens, now, log }).runnerFor,
  });
  retryLogin = tokens.retryNow;
  const metrics = createMetrics({
    version,
    accounts: () =>
      pool.accounts.map((account) => ({
        id: account.config.id,
        family: account.config.family,
        state: readStatus(account, { ...config().session, now: now() }).state,
      })),
  });
  const eventLog = logEvents(events, log, timers);
  countEvents(events, metrics);
  openNextConnections(events, { pool, dispatchers, config, now });
  const deps: RelayDeps = {
    config,
    pool,
    bindings,
    slowStart: createSlowStart({ timers }),
    credentials: createCredentialSource(tokens),
    dispatchers,
    usage,
    models: createModelLists({ timers }),
    scratch: createScratch(),
    memory: createMemoryBudget(
      () => ({ maxBytes: config().server.memoryBytes, maxWaitMs: config().session.maxWaitMs }),
      timers,
    ),
    relayKeys: createRelayKeys(config().apiKeys),
    hashLogin: createLoginHash(await store.accounts.loginKey()),
    holdBackMs,
    metrics,
    events,
    shortages: createShortageLog(log, timers),
    log,
    now,
    monotonic: clock.monotonic,
    timers,
  };
  return { deps, pool, tokens, eventLog };
}
