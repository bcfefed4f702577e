// The database as commands reach it, beside a running relay or without one.

import { existsSync } from "node:fs";
import type { Config } from "../config/config.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";

/** Only reads. Without a database there is nothing to see, and none is created. */
export function lookInStore<T>(config: Config, look: (store: Store) => Promise<T>): Promise<T> {
  return withStore(config, look, { readonly: true });
}

/** Without a database there is nothing to change: `change` gets an empty store that nobody keeps. */
export function changeStore<T>(config: Config, change: (store: Store) => Promise<T>): Promise<T> {
  return withStore(config, change, { readonly: !existsSync(config.server.databasePath) });
}

async function withStore<T>(
  { server }: Config,
  work: (store: Store) => Promise<T>,
  options: { readonly: boolean },
): Promise<T> {
  const store = await openSqliteStore(server.databasePath, options);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
