// SQLite stores in a temporary folder of their own.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore, type SqliteStoreOptions } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { putEmptyDatabase } from "../support/empty-database.ts";
import type { StoreHarness } from "./store-test.ts";

export interface SqliteHarness extends StoreHarness {
  /** A folder that goes away with the harness. */
  folder: string;
  path: string;
  open(options?: SqliteStoreOptions): Promise<Store>;
}

/** With an empty database that is there already. */
export async function createMadeHarness(): Promise<SqliteHarness> {
  const harness = await createSqliteHarness();
  await putEmptyDatabase(harness.path);
  return harness;
}

/** Without a file: the first that opens the database makes it. */
export async function createSqliteHarness(): Promise<SqliteHarness> {
  const folder = mkdtempSync(join(tmpdir(), "cc-relay-store-"));
  const path = join(folder, "relay.db");
  const stores: Store[] = [];
  return {
    folder,
    path,
    async open(options) {
      const store = await openSqliteStore(path, options);
      stores.push(store);
      return store;
    },
    async dispose() {
      for (const store of stores) await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Without a file unless `create` is given; whatever becomes of `body` nothing is left. */
export async function withHarness(
  body: (harness: SqliteHarness) => Promise<void>,
  create = createSqliteHarness,
): Promise<void> {
  const harness = await create();
  try {
    await body(harness);
  } finally {
    await harness.dispose();
  }
}
