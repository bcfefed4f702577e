// Sets a damaged database aside and opens what is left of it for reading, also when its first page is gone.

import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync, writeSync } from "node:fs";
import Database from "better-sqlite3";
import { copyDatabase, type DatabaseCopy } from "./connection.ts";

/** What SQLite keeps beside the file; the log holds commits that are not in the file yet. */
const companions = ["-wal", "-shm"];

/** `relay.db.corrupt-20261130T051200Z`; everything that belongs to the file goes with it. Returns the new path. */
export function setAside(path: string, now: number): string {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  let aside = `${path}.corrupt-${time}`;
  for (let count = 2; existsSync(aside); count++) aside = `${path}.corrupt-${time}-${count}`;
  for (const end of companions) if (existsSync(path + end)) renameSync(path + end, aside + end);
  renameSync(path, aside);
  return aside;
}

export interface Salvage {
  database: Database.Database;
  close(): void;
}

/**
 * Opens a copy of a damaged database. A first page without its header, or none at all, is replaced by that of `template`: the
 * bytes of an empty database of this version. Undefined when there is no way to read it.
 */
export function openSalvage(path: string, template: Buffer): Salvage | undefined {
  for (const replaced of [0, headerBytes, pageBytes]) {
    let copy: DatabaseCopy | undefined;
    let database: Database.Database | undefined;
    try {
      copy = copyDatabase(path);
      if (replaced > 0) replaceStart(copy.path, template.subarray(0, replaced));
      const opened = new Database(copy.path);
      database = opened;
      if (hasTables(opened)) return { database: opened, close: closing(opened, copy) };
    } catch {
      // The next way may work.
    }
    database?.close();
    copy?.remove();
  }
  return undefined;
}

/**
 * Opens a sound database on a disk that takes no writes. SQLite reads one with a write-ahead log only where it can put files
 * beside it; else a copy is read, and where there is no room for that the file without its log.
 */
export function openUnwritable(path: string): Salvage | undefined {
  const ways = [
    () => ({ database: new Database(path, { readonly: true, timeout: 0 }), remove: () => {} }),
    () => {
      const { path: copy, remove } = copyDatabase(path);
      return { database: new Database(copy), remove };
    },
    () => ({ database: new Database(withoutLog(readFileSync(path))), remove: () => {} }),
  ];
  for (const open of ways) {
    try {
      const { database, remove } = open();
      if (hasTables(database)) return { database, close: closing(database, { path, remove }) };
      database.close();
      remove();
    } catch {
      // The next way may work.
    }
  }
  return undefined;
}

/** 1: without a write-ahead log, which a database in memory cannot have. */
function withoutLog(bytes: Buffer): Buffer {
  bytes[18] = 1;
  bytes[19] = 1;
  return bytes;
}

function closing(database: Database.Database, copy: DatabaseCopy): () => void {
  return () => {
    database.close();
    copy.remove();
  };
}

/** SQLite file format, 1.3: the header is the first 100 bytes; the size in pages is at 28, the free list at 32 to 39. */
const headerBytes = 100;
const pageBytes = 4096;

function replaceStart(path: string, template: Buffer): void {
  const start = Buffer.from(template);
  // 2: with a write-ahead log.
  start[18] = 2;
  start[19] = 2;
  start.writeUInt32BE(Math.floor(statSync(path).size / pageBytes), 28);
  start.writeUInt32BE(0, 32);
  start.writeUInt32BE(0, 36);
  // Both say which change the size is of; a size without its change does not count.
  start.copy(start, 92, 24, 28);
  const file = openSync(path, "r+");
  try {
    writeSync(file, start, 0, start.length, 0);
  } finally {
    closeSync(file);
  }
}

function hasTables(database: Database.Database): boolean {
  try {
    return database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'tokens'").get() !== undefined;
  } catch {
    return false;
  }
}
