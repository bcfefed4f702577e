// Checks whether a database is sound and takes writes.

import { type Connection, openConnection } from "./connection.ts";

/** Undefined when sound, else SQLite's first complaint. Reads the whole file; rejects with a UserError when it cannot be opened. */
export async function findDamage(path: string): Promise<string | undefined> {
  const connection = await openConnection(path, { mode: "read", busyTimeoutMs: 1000 });
  try {
    return await findDamageIn(connection);
  } finally {
    await connection.close();
  }
}

export async function findDamageIn({ database, run }: Connection): Promise<string | undefined> {
  const verdict = await run(() => String(database.pragma("quick_check(1)", { simple: true })));
  return verdict === "ok" ? undefined : verdict;
}

/** Rejects when the disk takes no writes. Changes nothing: what is written is what is there. */
export async function checkWritable({ database, run }: Connection): Promise<void> {
  const version = await run(() => Number(database.pragma("user_version", { simple: true })));
  await run(() => void database.pragma(`user_version = ${version}`));
}
