// Reads how far SQLite's write-ahead log (-wal) has been copied into the database's file, out of the index that all its connections
// share (-shm). https://sqlite.org/walformat.html

import { closeSync, openSync, readSync } from "node:fs";
import { endianness } from "node:os";

export interface LogState {
  /** How often the log was begun anew, counted from some number; modulo 2^32. */
  begun: number;
  frames: number;
  /** So many of the frames, the first ones, are in the file. */
  copied: number;
  pageBytes: number;
}

const formatVersion = 3_007_000;
const indexHeaderBytes = 48;
const indexBytes = 2 * indexHeaderBytes + 4;

/**
 * @param descriptor of the index. It must stay open as long as the connection: closing any descriptor of the file drops the connection's locks.
 * Undefined for another format, and while it is being changed.
 */
export function readLogState(descriptor: number): LogState | undefined {
  const index = Buffer.alloc(indexBytes);
  if (readSync(descriptor, index, 0, indexBytes, 0) < indexBytes) return undefined;
  const [header, copy] = [index.subarray(0, indexHeaderBytes), index.subarray(indexHeaderBytes, -4)];
  const number = (at: number) => (endianness() === "LE" ? index.readUInt32LE(at) : index.readUInt32BE(at));
  if (number(0) !== formatVersion || !header.equals(copy)) return undefined;
  const pageBytes = endianness() === "LE" ? index.readUInt16LE(14) : index.readUInt16BE(14);
  return {
    // The first salt, which each new beginning adds one to.
    begun: index.readUInt32BE(32),
    frames: number(16),
    copied: number(2 * indexHeaderBytes),
    // 64 KiB does not fit in two bytes.
    pageBytes: pageBytes === 1 ? 65_536 : pageBytes,
  };
}

/**
 * Whether somebody has copied frames into the file since then. The first write after all were copied begins the log anew, which says
 * nothing of others.
 */
export function hasCopied(before: LogState, now: LogState): boolean {
  const begunAnew = (now.begun - before.begun) >>> 0;
  if (begunAnew === 0) return now.copied > before.copied;
  return now.copied > 0 || begunAnew > (before.copied === before.frames ? 1 : 0);
}

const logHeaderBytes = 32;
const frameHeaderBytes = 24;

/** Whether the file has what the frames that were copied into it hold. @param file a descriptor of the database */
export function holdsCopied(file: number, logPath: string, { copied, pageBytes }: LogState): boolean {
  if (copied === 0) return true;
  const log = openSync(logPath, "r");
  try {
    const frame = Buffer.alloc(frameHeaderBytes + pageBytes);
    const page = Buffer.alloc(pageBytes);
    const checked = new Set<number>();
    // Of a page that has several frames the last one counts.
    for (let index = copied - 1; index >= 0; index--) {
      readSync(log, frame, 0, frame.length, logHeaderBytes + index * frame.length);
      const number = frame.readUInt32BE(0);
      if (checked.has(number)) continue;
      checked.add(number);
      page.fill(0);
      readSync(file, page, 0, pageBytes, (number - 1) * pageBytes);
      if (!page.equals(frame.subarray(frameHeaderBytes))) return false;
    }
    return true;
  } finally {
    closeSync(log);
  }
}
