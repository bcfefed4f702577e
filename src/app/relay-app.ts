// Builds the relay out of its parts, keeps it in step with its configuration file and its database, and takes it down again.

import { type Config, describeWarning } from "../config/config.ts";
import type { ReloadCause } from "../config/reload.ts";
import { type SightedFile, watchConfig } from "../config/watch.ts";
import type { DoctorDocument } from "../documents/types.ts";
import { toRun, UserError } from "../domain/errors.ts";
import { createLiveView } from "../live/live.ts";
import { isLoopbackHost } from "../network/loopback.ts";
import type { RelayDeps } from "../relay/exchange.ts";
import type { ServerOptions } from "../server/server.ts";
import { openStore } from "../store/open.ts";
import type { DaemonInfo, Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { SecretList } from "../text/redact.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { createPage } from "../web/page.ts";
import { createLateUsage, createWriteWait } from "./database-writes.ts";
import { listen } from "./listen.ts";
import { createMaintenance } from "./maintenance.ts";
import { createMemoryReturn } from "./memory-return.ts";
import { type Notifications, startNotifications } from "./notifications.ts";
import { createParts } from "./parts.ts";
import { opensToOthers, readNext, sayGone, warnOfFixedSettings } from "./reload.ts";
import { createYoungGeneration } from "./young-generation.ts";

export interface RelayAppOptions {
  config: Config;
  /** Reads the configuration again, overrides of the command line included. Throws UserError. */
  readConfig(cause: ReloadCause): Promise<Config>;
  /** Files whose change means a reload, sighted before `config` was read: the one that was, or those that would be. */
  watchedFiles: readonly SightedFile[];
  log: Log;
  /** Learns the tokens that are rotated while the relay runs; what it holds is redacted. */
  secrets?: Pick<SecretList, "add" | "list">;
  version: string;
  /** Runs the checks of `cc-relay doctor` for the page; it shows none when absent. */
  examine?: () => Promise<DoctorDocument>;
  /** The usual ones when absent. */
  socketLimits?: ServerOptions["socketLimits"];
  /** The usual time when absent. */
  headTimeoutMs?: ServerOptions["headTimeoutMs"];
  /** The system's when absent. */
  clock?: Clock;
  /** The system's when absent. */
  timers?: RelayDeps["timers"];
  /** Who refreshes logins whose tokens are good once: a process that a kill of this one does not reach, or (absent) this one. */
  refreshes?: "detached";
  /** See RelayDeps. */
  holdBackMs?: RelayDeps["holdBackMs"];
}

export interface RelayApp {
  readonly host: string;
  readonly port: number;
  /** The configuration in force. */
  config(): Config;
  /** Takes the new configuration, or reports what is wrong with it and keeps the old one. */
  reload(cause?: ReloadCause): Promise<void>;
  /** Waits for open answers within drain_seconds, then breaks them off; nothing of the app is left after it. */
  close(): Promise<void>;
  /** Breaks off open answers: `close` need not wait for them any more. */
  abortAll(): void;
}

/** `accounts list` reads what is written by then. */
const flushIntervalMs = 250;
const youngGenerationIntervalMs = 250;
const memoryReturnIntervalMs = 5000;
const catchUpIntervalMs = 1000;
const maintenanceIntervalMs = 60_000;

/** Throws UserError when the database or the address cannot be had; what was opened by then is closed. */
export async function startRelayApp(options: RelayAppOptions): Promise<RelayApp> {
  const { log, version, clock = systemClock } = options;
  let config = options.config;
  const failed = (what: string) => (error: unknown) => log.error({ err: String(error) }, what);
  const store = await openStore(config.server, { for: "serving", log });
  const closers: (() => Promise<void> | void)[] = [() => store.close()];
  try {
    await claim(store, config);
    closers.unshift(() => store.daemon.release());
    const wait = createWriteWait();
    let notifier: Notifications | undefined;
    const onTrouble = () => notifier?.changed();
    const usage = createLateUsage({ usage: store.usage, wait, log, onTrouble });
    closers.unshift(() => usage.close());
    const { deps, pool, tokens, eventLog } = await createParts({ store, usage, wait }, () => config, options);
    // A refresh under way is waited for: its answer would be lost, and the login with it.
    closers.unshift(
      () => eventLog.flush(),
      () => deps.shortages.flush(),
      () => tokens.close(),
      () => deps.dispatchers.close(),
    );
    const live = await createLiveView({
      ...{ store, version, startedAt: deps.now(), events: deps.events, now: deps.now },
      accounts: () => pool.accounts,
      logins: pool.logins,
      switchAtUtilization: () => config.session.switchAtUtilization,
      onError: failed("the live view failed"),
    });
    closers.unshift(() => live.close());
    const { secrets } = options;
    notifier = await startNotifications({ store, usage, deps, pool, log, secrets }, () => config);
    closers.unshift(notifier.close);
    const page = createPage({
      ...{ store, live, now: deps.now, examine: options.examine },
      config: () => config,
      boundLoopback: isLoopbackHost(config.server.host),
    });
    const { socketLimits, headTimeoutMs } = options;
    const server = await listen(deps, { config, version, page, socketLimits, headTimeoutMs });
    const { port } = server.address;
    await store.daemon.publish({ ...daemonInfo(config, version, deps.now()), port });
    // Not with the first row: its answer would wait for the price list.
    void store.usage.prepare().catch(failed("the price list could not be loaded"));

    const applyFile = async (cause: ReloadCause) => {
      const next = await readNext(options, cause, log);
      if (!next || opensToOthers(next, options.config.server.host, log)) return;
      warnOfFixedSettings(options.config, next, log);
      const said = new Set(config.warnings.map(describeWarning));
      for (const warning of next.warnings.map(describeWarning)) if (!said.has(warning)) log.warn({}, warning);
      deps.relayKeys.remember(next.apiKeys);
      config = next;
      await pool.configure(next);
      deps.dispatchers.retain(next.accounts);
      notifier?.configure(next);
      deps.models.clear();
      log.info({ accounts: next.accounts.length }, "the configuration was reloaded");
    };
    // One after another: of two that overlap, the one that read the older file could be the last to take effect.
    let reloading = Promise.resolve();
    const reload = (cause: ReloadCause = "asked") => {
      reloading = reloading
        .then(() => applyFile(cause))
        .catch(failed("the configuration could not be reloaded"));
      return reloading;
    };
    const maintain = createMaintenance({ store, bindings: deps.bindings, config: () => config, clock });
    const memoryReturn = createMemoryReturn({ memory: deps.memory });
    const youngGeneration = createYoungGeneration();
    const stops = [
      ...options.watchedFiles.map((file) =>
        watchConfig(file, () => void reload("changed"), { onGone: () => sayGone(file, log) }),
      ),
      store.onForeignChange(
        ({ accounts }) => void pool.refresh(accounts).catch(failed("the database could not be read")),
      ),
      every(flushIntervalMs, () => pool.flush(), log),
      every(youngGenerationIntervalMs, () => youngGeneration.check(), log),
      every(memoryReturnIntervalMs, () => memoryReturn.check(), log),
      every(catchUpIntervalMs, () => usage.catchUp(), log),
      every(maintenanceIntervalMs, () => maintain(), log),
    ];
    return {
      host: options.config.server.host,
      port,
      config: () => config,
      reload,
      abortAll: () => server.abortAll(),
      async close() {
        for (const stop of stops) stop();
        // Who follows it would go on doing so.
        live.close();
        await server.drain(config.server.drainMs);
        await pool.flush();
        for (const close of closers) await close();
      },
    };
  } catch (error) {
    for (const close of closers) await close();
    throw error;
  }
}

async function claim(store: Store, config: Config): Promise<void> {
  const claimed = await store.daemon.claim();
  if (claimed.ok) return;
  const { holder } = claimed;
  const who = holder ? `pid ${holder.pid}, http://${holder.host}:${holder.port}` : "which is just starting";
  throw new UserError(`another cc-relay (${who}) already serves the database ${config.server.databasePath}`, {
    fix: holder
      ? toRun("stop it", `kill ${holder.pid}`)
      : "wait a moment, or give this one its own server.database_path",
  });
}

function daemonInfo({ server: { host, port } }: Config, version: string, startedAt: number): DaemonInfo {
  return { pid: process.pid, host, port, startedAt, version };
}

/** Runs one piece of work at a time; a failure is logged and the next round tries again. */
function every(intervalMs: number, work: () => Promise<void>, log: Log): () => void {
  let running = false;
  let stopped = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    work()
      .catch((error: unknown) => {
        // The database may have been closed under the last round.
        if (!stopped) log.error({ err: String(error) }, "background work failed");
      })
      .finally(() => (running = false));
  }, intervalMs);
  timer.unref();
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}
