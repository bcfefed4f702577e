// A whole relay for tests: real sockets, a real database in a folder of its own, accounts that lead to scripted upstreams.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RelayApp, type RelayAppOptions, startRelayApp } from "../../src/app/relay-app.ts";
import type { AccountConfig, Config } from "../../src/config/config.ts";
import { defaultAccount } from "../../src/config/defaults.ts";
import type { AccountType } from "../../src/domain/family.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { type Clock, systemClock } from "../../src/time/clock.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { defaultConfig } from "./default-config.ts";
import { putEmptyDatabase } from "./empty-database.ts";
import { createManualTime } from "./manual-time.ts";
import { patient } from "./patience.ts";
import { openOnDemand, type StoreOnDemand } from "./store-on-demand.ts";

export interface TestRelay {
  readonly url: string;
  readonly config: Config;
  readonly app: RelayApp;
  readonly clock: Clock;
  /** A second connection to the relay's database, as the commands have one. */
  readonly store: StoreOnDemand;
  readonly log: LoggedLine[];
  /** What the next reload reads; the present configuration unless a test says otherwise. */
  readNext(): Promise<Config>;
  /** Replaces the configuration as a reload would. */
  reconfigure(change: (config: Config) => Config): Promise<void>;
  /** Stops the relay and starts another on the same database. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface LoggedLine {
  level: "debug" | "info" | "warn" | "error";
  fields: Record<string, unknown>;
  message: string;
}

export interface TestRelayOptions {
  accounts?: AccountConfig[];
  configure?: (config: Config) => Config;
  /** Epoch ms, for what the relay decides by time; its timers keep to the system's clock. */
  now?: () => number;
  /** Instead of `now`, where the two clocks are to go apart. */
  clock?: Clock;
  /** The system's when absent. */
  timers?: RelayAppOptions["timers"];
  /** Its timers, and its clock unless one is given, go 25 times as fast as the system's: what it waits for comes without a wait. */
  isFast?: boolean;
  /** Absent: in this process. */
  refreshes?: RelayAppOptions["refreshes"];
  holdBackMs?: RelayAppOptions["holdBackMs"];
  socketLimits?: RelayAppOptions["socketLimits"];
  headTimeoutMs?: RelayAppOptions["headTimeoutMs"];
  /** What the page's doctor finds; absent: the page has none. */
  examine?: RelayAppOptions["examine"];
}

/** In each 2 ms of the system's. */
const fastStepMs = 50;

export async function startRelay(options: TestRelayOptions = {}): Promise<TestRelay> {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-test-"));
  const databasePath = join(folder, "relay.db");
  let config = testConfig(databasePath, options.accounts ?? []);
  config = options.configure?.(config) ?? config;
  if (config.server.databasePath === databasePath) await putEmptyDatabase(databasePath);
  const log: LoggedLine[] = [];
  const time = options.isFast ? createManualTime() : undefined;
  const running = time?.run(fastStepMs);
  const clock: Clock =
    options.clock ??
    (options.now ? { now: options.now, monotonic: options.now } : (time?.clock ?? systemClock));
  const start = () =>
    startRelayApp({
      config,
      readConfig: () => relay.readNext(),
      watchedFiles: [],
      log: collectingLog(log),
      version: "0.0.0-test",
      clock,
      timers: options.timers ?? time?.timers,
      refreshes: options.refreshes,
      holdBackMs: options.holdBackMs,
      examine: options.examine,
      socketLimits: options.socketLimits,
      headTimeoutMs: options.headTimeoutMs,
    });
  let app = await start();
  const store = openOnDemand(config.server.databasePath);
  const relay: TestRelay = {
    readNext: async () => config,
    get url() {
      return `http://127.0.0.1:${app.port}`;
    },
    get config() {
      return config;
    },
    get app() {
      return app;
    },
    clock,
    store,
    log,
    async reconfigure(change) {
      config = change(config);
      await app.reload();
    },
    async restart() {
      await app.close();
      app = await start();
    },
    async close() {
      await store.close();
      await app.close();
      running?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return relay;
}

export function testAccount(
  id: string,
  type: AccountType,
  apiUrl: string,
  overrides: Partial<AccountConfig> = {},
): AccountConfig {
  return defaultAccount({
    id,
    kind: accountKinds[type],
    apiUrl: type === "openai-responses" ? `${apiUrl}/v1` : apiUrl,
    secret: `key-of-${id}`,
    ...overrides,
  });
}

export function testConfig(databasePath: string, accounts: AccountConfig[]): Config {
  const config = defaultConfig({ databasePath, accounts });
  return {
    ...config,
    server: { ...config.server, port: 0, drainMs: 2000 },
    upstream: {
      ...config.upstream,
      connectTimeoutMs: patient(2000),
      firstByteTimeoutMs: patient(10_000),
      idleTimeoutMs: patient(10_000),
    },
  };
}

/** A log that keeps its lines for the test. */
export function collectingLog(lines: LoggedLine[]): Log {
  const at = (level: LoggedLine["level"]) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
