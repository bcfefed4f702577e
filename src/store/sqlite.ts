// The store in one SQLite file.

import { existsSync } from "node:fs";
import { createAccountStore } from "./accounts.ts";
import { createBindingStore } from "./bindings.ts";
import { type Connection, openConnection } from "./connection.ts";
import { createDaemonClaim, createDaemonStore, type DaemonClaim } from "./daemon.ts";
import { createChangeWatch } from "./foreign-change.ts";
import { isCurrent, migrate } from "./migrations.ts";
import { createNoticeStore } from "./notices.ts";
import { hasPredecessorUsage } from "./predecessor.ts";
import { createRecoveryStore } from "./recoveries.ts";
import { createRequestLog } from "./request-log.ts";
import { storageFault } from "./sqlite-errors.ts";
import type { Store } from "./store.ts";
import { createTokenStore } from "./tokens.ts";
import { createUsageStore } from "./usage.ts";

export interface SqliteStoreOptions {
  /** For commands that only look: a file that does not exist is an empty store and is not created. */
  readonly?: boolean;
  clock?: () => number;
  /** How long an operation waits for other processes' writing before it fails. */
  busyTimeoutMs?: number;
}

/** Opens, creates or migrates the database. Throws a UserError when the file cannot be used. */
export async function openSqliteStore(path: string, options: SqliteStoreOptions = {}): Promise<Store> {
  return (await openDatabase(path, options)).store;
}

export interface OpenDatabase {
  store: Store;
  connection: Connection;
  /** Closes the store without releasing the claim on it. */
  detach(): Promise<void>;
}

/** As `openSqliteStore`. The claim is one of its own when absent. */
export async function openDatabase(
  path: string,
  { readonly = false, ...options }: SqliteStoreOptions & { claim?: DaemonClaim } = {},
): Promise<OpenDatabase> {
  const defaults = { clock: options.clock ?? Date.now, busyTimeoutMs: options.busyTimeoutMs ?? 5000 };
  const connection = readonly
    ? await openForReading(path, defaults)
    : await openMigrated(path, { ...defaults, mode: "write" });
  return await withStore(connection, options.claim ?? createDaemonClaim(path));
}

/** An empty database that is never written to the disk. */
export async function openMemory(
  path: string,
  { claim, ...options }: Required<Omit<SqliteStoreOptions, "readonly">> & { claim: DaemonClaim },
): Promise<OpenDatabase> {
  return await withStore(await openMigrated(path, { ...options, mode: "memory" }), claim);
}

async function withStore(connection: Connection, claim: DaemonClaim): Promise<OpenDatabase> {
  try {
    return await connection.run(() => createStore(connection, claim));
  } catch (error) {
    await connection.close();
    throw error;
  }
}

interface Opening {
  clock: () => number;
  busyTimeoutMs: number;
}

async function openMigrated(
  path: string,
  { mode, clock, busyTimeoutMs }: Opening & { mode: "write" | "memory" | "copy" },
): Promise<Connection> {
  const connection = await openConnection(path, { mode, busyTimeoutMs });
  try {
    if (!(await connection.run(() => isCurrent(connection))))
      await migrate(connection, { now: clock(), prices: await pricesFor(connection) });
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** Never writes to the file. One of an older schema, or on a disk where SQLite can put nothing beside it, is read as a copy. */
async function openForReading(path: string, opening: Opening): Promise<Connection> {
  if (!existsSync(path)) return await openMigrated(path, { ...opening, mode: "memory" });
  let connection: Connection | undefined;
  try {
    connection = await openConnection(path, { mode: "read", busyTimeoutMs: opening.busyTimeoutMs });
    const reader = connection;
    if (await reader.run(() => isCurrent(reader))) return reader;
  } catch (error) {
    await connection?.close();
    if (storageFault(error, path) !== "unwritable") throw error;
  }
  await connection?.close();
  return await openMigrated(path, { ...opening, mode: "copy" });
}

/** The price table is large: loaded only when a predecessor's rows have to be priced. */
async function pricesFor(connection: Connection) {
  if (!(await connection.run(() => hasPredecessorUsage(connection.database)))) return undefined;
  return (await import("../usage/price.ts")).createPriceList();
}

function createStore(connection: Connection, claim: DaemonClaim): OpenDatabase {
  const watch = createChangeWatch(connection);
  const daemon = createDaemonStore(connection, claim);
  const usage = createUsageStore(connection);
  async function detach(): Promise<void> {
    watch.stop();
    await usage.settle();
    await connection.close();
  }
  const store: Store = {
    accounts: createAccountStore(connection, watch.touch),
    bindings: createBindingStore(connection),
    tokens: createTokenStore(connection),
    usage,
    requests: createRequestLog(connection),
    daemon,
    recoveries: createRecoveryStore(connection),
    notices: createNoticeStore(connection),
    storage: () => ({ kind: "disk" }),
    onStorageChange: () => () => {},
    onForeignChange: watch.subscribe,
    async close() {
      await usage.settle();
      await daemon.release();
      await detach();
    },
  };
  return { store, connection, detach };
}
