// One connection to the database file: how it is created, and how work on it waits for other processes.

import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { systemClock } from "../time/clock.ts";
import { explainSqlite, isBusy } from "./sqlite-errors.ts";

export interface Connection {
  /** The main file, behind any links; lock files are beside it. */
  readonly path: string;
  /** Nothing of it is on the disk: other processes know nothing of it. */
  readonly isMemory: boolean;
  readonly database: Database.Database;
  /**
   * Runs synchronous work, again after a short wait while another process is writing. Rejects with a UserError
   * for what a person can fix. `work` must be one statement or one transaction, so that a repetition is whole.
   */
  run<T>(work: () => T): Promise<T>;
  /** Waits for work that is being repeated, then closes. */
  close(): Promise<void>;
}

export interface ConnectionOptions {
  /**
   * `read` needs the file; `memory` is an empty database that is never written to disk; `copy` is a copy of the file that is gone
   * when it is closed, for reading what cannot be read where it is.
   */
  mode: "read" | "write" | "memory" | "copy";
  /** How long work waits for other processes before it fails. */
  busyTimeoutMs: number;
  /** The system's unless given. */
  monotonic?: () => number;
}

export async function openConnection(location: string, options: ConnectionOptions): Promise<Connection> {
  const { monotonic = systemClock.monotonic } = options;
  const path = followLinks(location);
  const copy = options.mode === "copy" ? copyDatabase(path) : undefined;
  const database = openFile(copy?.path ?? path, options.mode);
  const waiting = new Set<Promise<unknown>>();

  async function run<T>(work: () => T): Promise<T> {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw explainSqlite(error, path);
    }
    const repeated = repeat(work);
    waiting.add(repeated);
    try {
      return await repeated;
    } finally {
      waiting.delete(repeated);
    }
  }

  /** SQLite's own busy handler sleeps inside the call, which would stop every stream of the relay. */
  async function repeat<T>(work: () => T): Promise<T> {
    const deadline = monotonic() + options.busyTimeoutMs;
    for (let delayMs = 1; ; delayMs = Math.min(delayMs * 2, 32)) {
      await sleep(delayMs);
      try {
        return work();
      } catch (error) {
        if (!isBusy(error) || monotonic() >= deadline) throw explainSqlite(error, path);
      }
    }
  }

  async function close(): Promise<void> {
    await Promise.allSettled(waiting);
    database.close();
    copy?.remove();
  }

  const connection = { path, database, run, close, isMemory: options.mode === "memory" };
  try {
    await run(() => configure(database, options.mode));
  } catch (error) {
    await close();
    throw error;
  }
  return connection;
}

/** Creates an empty file that only its owner can read; does nothing when there is one. */
export function createPrivateFile(path: string): void {
  // Never opened when it exists: closing any descriptor of a file drops the POSIX locks this process has on it.
  if (existsSync(path)) return;
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** By whatever name a file is opened, its lock is the same. A link may lead to a file that is not there yet. */
export function followLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // What is wrong with the path is reported when it is opened.
    const target = readLink(path);
    return target === undefined ? path : resolve(dirname(path), target);
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function openFile(path: string, mode: ConnectionOptions["mode"]): Database.Database {
  try {
    if (mode === "memory") return new Database(":memory:");
    if (mode === "copy") return new Database(path, { timeout: 0 });
    if (mode === "read") return new Database(path, { readonly: true, timeout: 0 });
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    createPrivateFile(path);
    makePrivate(path);
    return new Database(path, { timeout: 0 });
  } catch (error) {
    throw explainSqlite(error, path);
  }
}

export interface DatabaseCopy {
  path: string;
  remove(): void;
}

/** In a folder of its own that only this user can read; with the log, which holds commits that are not in the file yet. */
export function copyDatabase(path: string): DatabaseCopy {
  let failure: unknown;
  // The database's own folder has room for a copy where the temporary one is small.
  for (const place of [join(tmpdir(), "cc-relay-copy-"), join(dirname(path), ".copy-")]) {
    let folder: string | undefined;
    const remove = () => folder && rmSync(folder, { recursive: true, force: true });
    try {
      folder = mkdtempSync(place);
      const copy = join(folder, "relay.db");
      copyFileSync(path, copy);
      if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
      for (const file of [copy, `${copy}-wal`]) if (existsSync(file)) chmodSync(file, 0o600);
      return { path: copy, remove };
    } catch (error) {
      failure = error;
      remove();
    }
  }
  throw failure;
}

/** Refresh tokens are inside: a file that came with wider rights (the predecessor's) loses them. SQLite gives -wal and -shm the rights of the main file. */
function makePrivate(path: string): void {
  if (process.platform === "win32") return;
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    // Not through a link: a user who can write to the folder could have any file's mode changed.
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (!stats?.isFile() || (stats.mode & 0o077) === 0) continue;
    try {
      chmodSync(file, 0o600);
    } catch (error) {
      // Another owner's file, or a file system without rights: it can still be used.
      if (!["EPERM", "EROFS", "ENOTSUP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
}

function configure(database: Database.Database, mode: ConnectionOptions["mode"]): void {
  if (mode === "write") {
    database.pragma("journal_mode = WAL");
    // A crash of the process loses nothing, a crash of the machine at most the last moments; tokens are written with FULL.
    database.pragma("synchronous = NORMAL");
    // A checkpoint waits for the disk. Hot pages are in the log many times and are copied once, so rarer is cheaper.
    database.pragma("wal_autocheckpoint = 4000");
  }
  database.pragma("cache_size = -4000");
}
