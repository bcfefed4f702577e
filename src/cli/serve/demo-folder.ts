// The temporary folder of a demo. One that was killed leaves its own behind: the next demo removes it.

import type { Dirent } from "node:fs";
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLocked } from "../../store/lock-file.ts";

/** The name of its database: while a demo runs, the lock beside it is held. */
export const demoDatabase = "relay.db";

const prefix = "cc-relay-demo-";
/** A demo that is starting has made its folder, and does not hold the lock yet. */
const minAgeMs = 10_000;

/** Empty, and readable by its owner only; `now` in epoch ms. */
export async function makeDemoFolder(now: number, parent = tmpdir()): Promise<string> {
  await removeLeftFolders(parent, now);
  return await mkdtemp(join(parent, prefix));
}

async function removeLeftFolders(parent: string, now: number): Promise<void> {
  const entries = await readdir(parent, { withFileTypes: true }).catch((): Dirent[] => []);
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name.startsWith(prefix));
  await Promise.all(folders.map(({ name }) => removeWhereLeft(join(parent, name), now)));
}

/** What belongs to another user, or cannot be removed, stays: nothing depends on it. */
async function removeWhereLeft(folder: string, now: number): Promise<void> {
  try {
    const { uid, mtimeMs } = await lstat(folder);
    const isOwn = process.getuid === undefined || uid === process.getuid();
    if (!isOwn || now - mtimeMs < minAgeMs) return;
    if (isLocked(join(folder, `${demoDatabase}.lock`))) return;
    await rm(folder, { recursive: true, force: true });
  } catch {
    // The next demo tries again.
  }
}
