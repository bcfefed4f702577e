// Opens the store that the configuration names, for serving, reading or writing. The only way to the store.

import type { Log } from "../telemetry/log.ts";
import { runtimeFolder } from "./runtime-folder.ts";
import { openServingStore } from "./serving-store.ts";
import { openSqliteStore } from "./sqlite.ts";
import type { Store } from "./store.ts";

/** The part of the configuration that says where the store is. */
export interface StoreLocation {
  databasePath: string;
}

export type StoreAccess =
  /** Only looks: nothing is created or changed, and a file that does not exist is an empty store. */
  | { for: "reading"; busyTimeoutMs?: number }
  | { for: "writing"; busyTimeoutMs?: number }
  /** A relay that goes on whatever becomes of the file; takes the claim of the one daemon at once. */
  | { for: "serving"; log: Log };

/** Throws a UserError when the database cannot be used. */
export function openStore({ databasePath }: StoreLocation, access: StoreAccess): Promise<Store> {
  switch (access.for) {
    case "reading":
      return openSqliteStore(databasePath, { readonly: true, busyTimeoutMs: access.busyTimeoutMs });
    case "writing":
      return openSqliteStore(databasePath, { busyTimeoutMs: access.busyTimeoutMs });
    case "serving":
      return openServingStore(databasePath, { log: access.log, runtimeFolder: runtimeFolder() });
  }
}
