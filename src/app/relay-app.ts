// Builds the relay out of its parts, keeps it in step with its configuration file and its database, and takes it down again.

import { createBindings, maxBindings } from "../accounts/bindings.ts";
import { createCredentialSource } from "../accounts/credentials.ts";
import { createLoginHash } from "../accounts/logins.ts";
import { createPool, type Pool } from "../accounts/pool.ts";
import { createSlowStart } from "../accounts/slow-start.ts";
import { readStatus } from "../accounts/state.ts";
import { type Config, describeWarning } from "../config/config.ts";
import { ConfigError } from "../config/problem.ts";
import { type ReloadCause, UnfinishedConfig } from "../config/reload.ts";
import { type SightedFile, watchConfig } from "../config/watch.ts";
import type { DoctorDocument } from "../documents/types.ts";
import { UserError } from "../domain/errors.ts";
import { createLiveView } from "../live/live.ts";
import { createDispatchers } from "../network/dispatchers.ts";
import { isLoopbackHost } from "../network/loopback.ts";
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
import { type RelayServer, type ServerOptions, startServer } from "../server/server.ts";
import { openStore } from "../store/open.ts";
import type { DaemonInfo, Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { SecretList } from "../text/redact.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { createPage } from "../web/page.ts";
import {
  createLateUsage,
  createWriteWait,
  forgiveWrites,
  type LateUsage,
  type WriteWait,
} from "./database-writes.ts";
import { createMemoryReturn } from "./memory-return.ts";
import { type Notifications, startNotifications } from "./notifications.ts";
import { createDetachedRefreshes } from "./refresh-process/detached-refreshes.ts";

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
  /** The system's when absent. */
  clock?: Clock;
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
const memoryReturnIntervalMs = 5000;
const catchUpIntervalMs = 1000;
const maintenanceIntervalMs = 60_000;

/** Throws UserError when the database or the address cannot be had; what was opened by then is closed. */
export async function startRelayApp(options: RelayAppOptions): Promise<RelayApp> {
  const { log, version } = options;
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
      () => tokens.close(),
      () => deps.dispatchers.close(),
    );
    const live = await createLiveView({
      ...{ store, version, startedAt: Date.now(), events: deps.events, now: deps.now },
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
    const server = await listen(deps, { config, version, page, socketLimits: options.socketLimits });
    const { port } = server.address;
    await store.daemon.publish({ ...daemonInfo(config, version), port });

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
    const memoryReturn = createMemoryReturn({ memory: deps.memory });
    const stops = [
      ...options.watchedFiles.map((file) =>
        watchConfig(file, () => void reload("changed"), { onGone: () => sayGone(file, log) }),
      ),
      store.onForeignChange(() => void pool.refresh().catch(failed("the database could not be read"))),
      every(flushIntervalMs, () => pool.flush(), log),
      every(memoryReturnIntervalMs, () => memoryReturn.check(), log),
      every(catchUpIntervalMs, () => usage.catchUp(), log),
      every(maintenanceIntervalMs, () => maintain(store, config, deps.now()), log),
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

async function createParts(
  { store, usage, wait }: { store: Store; usage: LateUsage; wait: WriteWait },
  config: () => Config,
  {
    log,
    secrets,
    version,
    clock = systemClock,
    refreshes,
    holdBackMs,
  }: Pick<RelayAppOptions, "log" | "secrets" | "version" | "clock" | "refreshes" | "holdBackMs">,
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
  const bindings = await createBindings(learned.bindings, now());
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
  const eventLog = logEvents(events, log);
  countEvents(events, metrics);
  const deps: RelayDeps = {
    config,
    pool,
    bindings,
    slowStart: createSlowStart(),
    credentials: createCredentialSource(tokens),
    dispatchers,
    usage,
    models: createModelLists(),
    scratch: createScratch(),
    memory: createMemoryBudget(() => ({
      maxBytes: config().server.memoryBytes,
      maxWaitMs: config().session.maxWaitMs,
    })),
    relayKeys: createRelayKeys(config().apiKeys),
    hashLogin: createLoginHash(await store.accounts.loginKey()),
    holdBackMs,
    metrics,
    events,
    shortages: createShortageLog(log, now),
    log,
    now,
  };
  return { deps, pool, tokens, eventLog };
}

async function claim(store: Store, config: Config): Promise<void> {
  const claimed = await store.daemon.claim();
  if (claimed.ok) return;
  const { holder } = claimed;
  const who = holder ? `pid ${holder.pid}, http://${holder.host}:${holder.port}` : "which is just starting";
  throw new UserError(`another cc-relay (${who}) already serves the database ${config.server.databasePath}`, {
    fix: holder
      ? `stop it with: kill ${holder.pid}`
      : "wait a moment, or give this one its own server.database_path",
  });
}

async function listen(
  deps: RelayDeps,
  { config, ...options }: Pick<ServerOptions, "version" | "page" | "socketLimits"> & { config: Config },
): Promise<RelayServer> {
  const { host, port } = config.server;
  try {
    return await startServer({ host, port, deps, ...options });
  } catch (cause) {
    throw listenError(cause as NodeJS.ErrnoException, host, port);
  }
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): UserError {
  const where = `${host}:${port}`;
  switch (cause.code) {
    case "EADDRINUSE":
      return new UserError(`${where} is taken by another program`, {
        fix: "stop that program, or choose another port: cc-relay serve --port 0",
        cause,
      });
    case "EACCES":
      return new UserError(`the system does not allow cc-relay to listen on ${where}`, {
        fix: "choose a port above 1023: cc-relay serve --port 3000",
        cause,
      });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new UserError(`${host} is not an address of this machine`, {
        fix: 'set server.host to "127.0.0.1" or to one of this machine\'s addresses',
        cause,
      });
    default:
      return new UserError(`cannot listen on ${where}: ${cause.message}`, { cause });
  }
}

function daemonInfo(config: Config, version: string): DaemonInfo {
  const { host, port } = config.server;
  return { pid: process.pid, host, port, startedAt: Date.now(), version };
}

function sayGone({ path }: SightedFile, log: Log): void {
  log.warn({ file: path }, "the configuration file is gone: the old configuration stays until it is back");
}

async function readNext(
  { readConfig }: RelayAppOptions,
  cause: ReloadCause,
  log: Log,
): Promise<Config | undefined> {
  try {
    return await readConfig(cause);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (error instanceof UnfinishedConfig) {
      const { message: reason, fix } = error;
      log.error(
        { reason, fix },
        "the configuration file does not look finished: the old configuration stays",
      );
      return undefined;
    }
    const problems = error instanceof ConfigError ? error.problems : undefined;
    log.error({ problems, reason: error.message }, "the new configuration is broken, the old one stays");
    return undefined;
  }
}

/** Without keys only this machine may ask, and the address that is bound stays bound whatever the file says. */
function opensToOthers(next: Config, boundHost: string, log: Log): boolean {
  if (next.apiKeys.length > 0 || isLoopbackHost(boundHost)) return false;
  log.error(
    { host: boundHost },
    "the new configuration has no api_keys, and others can reach this relay: the old one stays until a restart",
  );
  return true;
}

/** What a running process cannot change. */
function warnOfFixedSettings(before: Config, after: Config, log: Log): void {
  for (const key of ["host", "port", "databasePath", "logLevel"] as const) {
    if (before.server[key] === after.server[key]) continue;
    log.warn(
      { setting: key, now: before.server[key], configured: after.server[key] },
      "this setting needs a restart",
    );
  }
}

async function maintain(store: Store, config: Config, now: number): Promise<void> {
  while (await store.usage.maintain(now, config.usage.retentionMs)) await pause();
  while ((await store.bindings.prune(now, 500)) === 500) await pause();
  while ((await store.bindings.trim(maxBindings, 500)) === 500) await pause();
}

/** Lets open streams go on between two steps. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
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
