// Notices what becomes of the database's file under the relay: that it is gone, that another has its name, or that something wrote
// over it in place (`cp backup.db relay.db`). The last leaves the name and the file as they are, and the log (-wal) of the old
// database beside a new one: whatever is written from then on damages both.

import { closeSync, copyFileSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import type { Connection } from "./connection.ts";
import { hasCopied, holdsCopied, type LogState, readLogState } from "./log-index.ts";

export type FileChange = "removed" | "replaced" | "overwritten";

export interface FileWatch {
  /** Undefined: it is as it was. `newest`: of the rows that the relay has recorded. */
  look(newest: number): FileChange | undefined;
  /**
   * Before the connection is closed after a change: leaves at the path what somebody put there, and nothing of the old database. SQLite
   * would leave the old log, or write it into the new file, and read it as a part of that.
   */
  part(change: FileChange): void;
  /** After the connection has been closed: closing any descriptor of the file before would drop the connection's locks. */
  close(): void;
}

/** SQLite's own limit is 4000 pages; a log that other connections find too long they would write into the file. */
const maxLogBytes = 8 * 1024 * 1024;

/** SQLite writes to the file at checkpoints alone. They are made here, so every other change is somebody else's. */
export function createFileWatch({ path, database }: Connection): FileWatch {
  database.pragma("wal_autocheckpoint = 0");
  // Else a new file would hold nothing to know it by.
  checkpoint(database);
  const descriptor = openSync(path, "r");
  const [identity, ...logs] = [path, ...logsOf(path)].map((each) => statsOf(each)?.identity);
  const key = keyOf(database);
  const index = openIndex(path);
  let known: string | undefined;
  let knownLog: LogState | undefined;
  let suspect: string | undefined;
  let newestBefore = 0;
  let isClosed = false;

  /** Another connection has copied the log into the file, and nothing else was written to that. */
  function isCheckpoint(): boolean {
    let both: Database.Database | undefined;
    try {
      const log = index === undefined ? undefined : readLogState(index);
      if (log === undefined || knownLog === undefined) return false;
      if (!hasCopied(knownLog, log) || !holdsCopied(descriptor, `${path}-wal`, log)) return false;
      // A connection of its own: the relay's has pages of before in memory.
      both = new Database(path, { readonly: true, timeout: 0 });
      return keyOf(both) === key && newestIn(both) >= newestBefore;
    } catch {
      return false;
    } finally {
      both?.close();
    }
  }

  /** By what it holds: begun anew, a log's file stays as long as it was, and copying it waits for the disk each time. */
  function isLogLong(): boolean {
    const log = index === undefined ? undefined : readLogState(index);
    if (log === undefined)
      return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > maxLogBytes;
    return log.copied < log.frames && log.frames * log.pageBytes > maxLogBytes;
  }

  function remember(): void {
    known = statsOf(path)?.written;
    knownLog = index === undefined ? undefined : readLogState(index);
  }

  remember();
  return {
    look(newest) {
      const stats = statsOf(path);
      if (stats === undefined) return "removed";
      if (stats.identity !== identity) return "replaced";
      if (stats.written !== known) {
        // The same twice: the writing has come to an end.
        const isOver = stats.written === suspect;
        suspect = stats.written;
        if (!isOver) return undefined;
        if (!isCheckpoint()) {
          known = stats.written;
          return "overwritten";
        }
        remember();
        return undefined;
      }
      newestBefore = newest;
      if (isLogLong()) checkpoint(database);
      remember();
      return undefined;
    },
    part(change) {
      if (change === "overwritten") {
        // The open connection keeps the file, which has no name from then on.
        copyFileSync(path, `${path}.overwritten`);
        renameSync(`${path}.overwritten`, path);
      }
      for (const [index, log] of logsOf(path).entries())
        if (statsOf(log)?.identity === logs[index]) rmSync(log, { force: true });
    },
    close() {
      // Closed twice, it would close what the process has opened meanwhile under the same number.
      if (isClosed) return;
      isClosed = true;
      closeSync(descriptor);
      if (index !== undefined) closeSync(index);
    },
  };
}

function logsOf(path: string): string[] {
  return [`${path}-wal`, `${path}-shm`];
}

/** What a full disk or another reader keeps from being copied now is copied at one of the next looks. */
function checkpoint(database: Database.Database): void {
  try {
    database.pragma("wal_checkpoint(PASSIVE)");
  } catch {
    // Work on the database reports the same.
  }
}

function statsOf(path: string): { identity: string; written: string } | undefined {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stats && { identity: `${stats.dev}:${stats.ino}`, written: `${stats.size}:${stats.mtimeNs}` };
}

/** Undefined where the connection has none: then every change of the file is somebody else's. */
function openIndex(path: string): number | undefined {
  try {
    return openSync(`${path}-shm`, "r");
  } catch {
    return undefined;
  }
}

/** No two databases have the same. */
function keyOf(database: Database.Database): string | undefined {
  return database.prepare<[], Buffer>("SELECT key FROM login_key").pluck().get()?.toString("hex");
}

function newestIn(database: Database.Database): number {
  return database.prepare<[], number | null>("SELECT max(seq) FROM usage_order").pluck().get() ?? 0;
}
