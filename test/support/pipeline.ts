// The pipeline without a server and a database: requests come from memory, providers are scripted, and everything that it
// depends on can be replaced.

import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import { createBindings } from "../../src/accounts/bindings.ts";
import { createPool } from "../../src/accounts/pool.ts";
import { createSlowStart } from "../../src/accounts/slow-start.ts";
import { matchRoute } from "../../src/dialects/registry.ts";
import { createDispatchers } from "../../src/network/dispatchers.ts";
import { createRelayKeys } from "../../src/relay/authenticate.ts";
import type { RequestSource } from "../../src/relay/client.ts";
import { createRelayEvents, type RelayEventMap, type RelayEventName } from "../../src/relay/events.ts";
import type { Exchange, RelayDeps } from "../../src/relay/exchange.ts";
import { createScratch } from "../../src/relay/join-body.ts";
import { createMemoryBudget } from "../../src/relay/memory-budget.ts";
import { relay } from "../../src/relay/relay.ts";
import { createShortageLog } from "../../src/relay/shortage.ts";
import type { UsageRow } from "../../src/store/usage-store.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { systemTimers } from "../../src/time/timers.ts";
import { memoryAccountStore, memoryBindingStore } from "../accounts/fakes.ts";
import { type MemorySink, memorySink } from "./memory-client.ts";
import { collectingLog, type LoggedLine, testAccount, testConfig } from "./relay.ts";
import { type ScriptedUpstream, startUpstream } from "./upstream.ts";

export interface Pipeline {
  upstream: ScriptedUpstream;
  deps: RelayDeps;
  log: LoggedLine[];
  rows: UsageRow[];
  /** Every event, in order. */
  events: { [Name in RelayEventName]: { name: Name; event: RelayEventMap[Name] } }[RelayEventName][];
  /** Sends a request to the path and resolves when all is over. */
  ask(path: string, source: RequestSource, some?: Partial<Exchange>): Promise<MemorySink>;
}

/** Claude accounts in order of priority, each with a key of its own, on one scripted upstream. */
export async function startPipeline(
  t: TestContext,
  ids: readonly string[],
  change: (deps: RelayDeps) => Partial<RelayDeps> = () => ({}),
): Promise<Pipeline> {
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const config = testConfig(
    "unused",
    ids.map((id, index) => testAccount(id, "claude-api", upstream.url, { priority: 1000 - index })),
  );
  const log: LoggedLine[] = [];
  const rows: UsageRow[] = [];
  const seen: Pipeline["events"] = [];
  const events = createRelayEvents((error) =>
    log.push({ level: "error", fields: {}, message: String(error) }),
  );
  const watch = <Name extends RelayEventName>(name: Name) =>
    events.on(name, (event) => void seen.push({ name, event } as Pipeline["events"][number]));
  for (const name of eventNames) watch(name);
  const now = Date.now;
  const bindings = await createBindings(memoryBindingStore(), now());
  const dispatchers = createDispatchers({ connectTimeoutMs: 2000 });
  t.after(() => dispatchers.close());
  const usual: RelayDeps = {
    config: () => config,
    pool: await createPool({ config, store: memoryAccountStore(), bindings, clock: { now, monotonic: now } }),
    bindings,
    slowStart: createSlowStart(),
    credentials: {
      get: async (account) => ({ ok: true, credential: { kind: "api-key", key: account.config.secret } }),
      refresh: async () => undefined,
      reconsider: async () => {},
    },
    dispatchers,
    usage: { record: async (row) => void rows.push(row) },
    models: new Map(),
    scratch: createScratch(),
    memory: createMemoryBudget(() => ({ maxBytes: 512 * 1024 * 1024, maxWaitMs: 1000 })),
    relayKeys: createRelayKeys([]),
    hashLogin: (identity) => `hash of ${identity}`,
    metrics: createMetrics({ version: "0", accounts: () => [] }),
    events,
    shortages: createShortageLog(collectingLog(log)),
    log: collectingLog(log),
    now,
    monotonic: now,
    timers: systemTimers,
  };
  const deps = { ...usual, ...change(usual) };
  return {
    upstream,
    deps,
    log,
    rows,
    events: seen,
    async ask(path, source, some = {}) {
      const sink = memorySink();
      const matched = matchRoute(source.method, path);
      if (!matched) throw new Error(`no route ${path}`);
      const signal = new AbortController().signal;
      const base = { id: randomUUID(), source, sink, ...matched, query: "", signal, receivedAt: now() };
      await relay({ ...base, ...some }, deps);
      return sink;
    },
  };
}

const eventNames: readonly RelayEventName[] = [
  "requestStarted",
  "attemptStarted",
  "attemptFinished",
  "failedOver",
  "answerStarted",
  "requestFinished",
  "requestRefused",
  "accountChanged",
];
