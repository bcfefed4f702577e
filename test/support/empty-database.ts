// An empty database with the present schema, which is copied: making one costs more than most tests.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openSqliteStore } from "../../src/store/sqlite.ts";

let bytes: Promise<Buffer> | undefined;

/** Puts one where there is no file yet. For tests that are not about how a database is made. */
export async function putEmptyDatabase(path: string): Promise<void> {
  if (existsSync(path)) return;
  bytes ??= makeDatabase();
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, await bytes, { mode: 0o600 });
}

async function makeDatabase(): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "cc-relay-empty-"));
  const path = join(folder, "relay.db");
  try {
    await (await openSqliteStore(path)).close();
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
