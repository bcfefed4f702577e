// Opens the database for commands, beside a running relay or without one.

import { existsSync } from "node:fs";
import type { Config } from "../config/config.ts";
import { openStore, type StoreAccess } from "../store/open.ts";
import type { Store } from "../store/store.ts";

/** Only reads. Without a database there is nothing to see, and none is created. */
export function lookInStore<T>(config: Config, look: (store: Store) => Promise<T>): Promise<T> {
  return withStore(config, look, { for: "reading" });
}

/** Without a database there is nothing to change: `change` gets an empty store that nobody keeps. */
export function changeStore<T>(config: Config, change: (store: Store) => Promise<T>): Promise<T> {
  const isThere = existsSync(config.server.databasePath);
  return withStore(config, change, isThere ? { for: "writing" } : { for: "reading" });
}

async function withStore<T>(
  { server }: Config,
  work: (store: Store) => Promise<T>,
  access: StoreAccess,
): Promise<T> {
  const store = await openStore(server, access);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
