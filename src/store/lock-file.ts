// A lock between processes that the operating system releases when its holder dies, however it dies.
//
// Node has no flock. SQLite's own file locks are the same thing: a connection in an exclusive transaction on an
// otherwise empty database file. The file stays when the lock is gone; removing it would let two processes each lock one.

import { existsSync, truncateSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { createPrivateFile } from "./connection.ts";
import { explainSqlite, isBusy, isNoDatabase } from "./sqlite-errors.ts";

export interface FileLock {
  release(): void;
}

/** Undefined when another process, or another holder in this one, has the lock. */
export function tryLock(path: string): FileLock | undefined {
  try {
    return lock(path);
  } catch (error) {
    if (!isNoDatabase(error)) throw explainSqlite(error, path);
    // Nobody holds a lock on what something else has written here. Emptied and not removed: another process may be about to lock it.
    truncateSync(path);
  }
  try {
    return lock(path);
  } catch (error) {
    throw explainSqlite(error, path);
  }
}

function lock(path: string): FileLock | undefined {
  let database: Database.Database | undefined;
  try {
    createPrivateFile(path);
    database = new Database(path, { timeout: 0 });
    // No journal file: the transaction never writes, and a kill would leave it behind.
    database.pragma("journal_mode = MEMORY");
    database.exec("BEGIN EXCLUSIVE");
    const held = database;
    return { release: () => held.close() };
  } catch (error) {
    database?.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

/** Waits for the lock; rejects with the signal's reason when aborted before. */
export async function waitForLock(path: string, signal?: AbortSignal): Promise<FileLock> {
  for (let delayMs = 5; ; delayMs = Math.min(delayMs * 2, 100)) {
    signal?.throwIfAborted();
    const lock = tryLock(path);
    if (lock !== undefined) return lock;
    await sleep(delayMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}

/** Whether anybody holds the lock now. Looking holds a shared lock for an instant: see `tryLock`'s callers. */
export function isLocked(path: string): boolean {
  if (!existsSync(path)) return false;
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { readonly: true, timeout: 0 });
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    if (isNoDatabase(error)) return false;
    throw explainSqlite(error, path);
  } finally {
    database?.close();
  }
}
