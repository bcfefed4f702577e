// The store in one SQLite file.

import { existsSync } from "node:fs";
import { createAccountStore } from "./accounts.ts";
import { createBindingStore } from "./bindings.ts";
import { type Connection, openConnection } from "./connection.ts";
import { createDaemonStore } from "./daemon.ts";
import { createChangeWatch } from "./foreign-change.ts";
import { hasPredecessorUsage } from "./predecessor.ts";
import { createRequestLog } from "./request-log.ts";
import { isCurrent, migrate } from "./schema.ts";
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
  const connection = await openCurrent(path, {
    readonly: options.readonly ?? false,
    clock: options.clock ?? Date.now,
    busyTimeoutMs: options.busyTimeoutMs ?? 5000,
  });
  try {
    return await connection.run(() => createStore(connection));
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function openCurrent(path: string, options: Required<SqliteStoreOptions>): Promise<Connection> {
  const { readonly, clock, busyTimeoutMs } = options;
  const mode = !readonly ? "write" : existsSync(path) ? "read" : "memory";
  const connection = await openConnection(path, { mode, busyTimeoutMs });
  try {
    if (await connection.run(() => isCurrent(connection))) return connection;
    if (mode !== "read") {
      await migrate(connection, { now: clock(), prices: await pricesFor(connection) });
      return connection;
    }
  } catch (error) {
    await connection.close();
    throw error;
  }
  // An older schema cannot be read as it is, and a read-only connection cannot change it.
  await connection.close();
  await (await openCurrent(path, { ...options, readonly: false })).close();
  return openConnection(path, { mode, busyTimeoutMs });
}

/** The price table is large: loaded only when a predecessor's rows have to be priced. */
async function pricesFor(connection: Connection) {
  if (!(await connection.run(() => hasPredecessorUsage(connection.database)))) return undefined;
  return (await import("../usage/price.ts")).createPriceList();
}

function createStore(connection: Connection): Store {
  const watch = createChangeWatch(connection);
  const daemon = createDaemonStore(connection);
  const usage = createUsageStore(connection);
  return {
    accounts: createAccountStore(connection),
    bindings: createBindingStore(connection),
    tokens: createTokenStore(connection),
    usage,
    requests: createRequestLog(connection),
    daemon,
    onForeignChange: watch.subscribe,
    async close() {
      watch.stop();
      await usage.settle();
      await daemon.release();
      await connection.close();
    },
  };
}
