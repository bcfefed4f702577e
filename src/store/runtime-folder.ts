// Folders outside of the database's own that belong to this user alone and are gone when the machine starts anew.

import { createHash } from "node:crypto";
import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The usual one. */
export function runtimeFolder(): string {
  return join(tmpdir(), folderName());
}

/** In memory on Linux: it takes writes when every disk is full or read-only. */
export function memoryFolder(): string {
  return join("/dev/shm", folderName());
}

/** Makes the folder; undefined where that is not possible, or it is not this user's own: somebody else could put files in it. */
export function openRuntimeFolder(folder: string): string | undefined {
  try {
    // Not its parents: where there is no /dev/shm, none is made.
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") return undefined;
  }
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  const { getuid } = process;
  const isOwn = getuid === undefined || (stats?.uid === getuid() && (stats.mode & 0o022) === 0);
  return stats?.isDirectory() && isOwn ? folder : undefined;
}

/** The name under which a database's files are in such a folder. */
export function runtimeName(databasePath: string): string {
  return createHash("sha256").update(databasePath).digest("hex").slice(0, 24);
}

function folderName(): string {
  return `cc-relay-${process.getuid?.() ?? "user"}`;
}
