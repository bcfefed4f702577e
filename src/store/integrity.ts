// Whether the database file is sound, for `doctor`.

import { type Connection, openConnection } from "./connection.ts";

/** Undefined when sound, else SQLite's first complaint. Reads the whole file; rejects with a UserError when it cannot be opened. */
export async function findDamage(path: string): Promise<string | undefined> {
  const connection = await openConnection(path, { mode: "read", busyTimeoutMs: 1000 });
  try {
    const verdict = await connection.run(() => quickCheck(connection));
    return verdict === "ok" ? undefined : verdict;
  } finally {
    await connection.close();
  }
}

function quickCheck({ database }: Connection): string {
  return String(database.pragma("quick_check(1)", { simple: true }));
}
