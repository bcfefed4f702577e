// The one-time code that signs a browser in at the page. `cc-relay web` leaves a file beside the database, named by the code's
// hash; the relay takes the file away when the code is used. Only the owner of the relay may write there: no key has to be asked
// for, and the code itself is in no file. Where the database's disk takes no writes, the file is in a folder of this user alone.

import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { memoryFolder, openRuntimeFolder, runtimeFolder, runtimeName } from "../store/runtime-folder.ts";

const codeMs = 60_000;

/** Makes a code that a relay on this database takes once within a minute. Throws what keeps it from being left beside the database. */
export async function createCode(
  databasePath: string,
  now: number,
  folders: readonly string[] = spareFolders(),
): Promise<string> {
  const code = randomBytes(24).toString("base64url");
  let obstacle: unknown;
  for (const place of placesFor(databasePath, folders)) {
    const file = fileOf(place, code);
    try {
      await removeExpired(place, now);
      await writeFile(file, `${now + codeMs}\n`, { mode: 0o600, flag: "wx" });
      return code;
    } catch (error) {
      // A full disk takes the name of the file, but not what is in it.
      await unlink(file).catch(() => {});
      obstacle ??= error;
    }
  }
  throw obstacle;
}

/** Whether the code was good; it is not from then on. */
export async function useCode(
  databasePath: string,
  code: string,
  now: number,
  folders: readonly string[] = spareFolders(),
): Promise<boolean> {
  if (!/^[\w-]{32}$/.test(code)) return false;
  for (const place of placesFor(databasePath, folders)) {
    const file = fileOf(place, code);
    try {
      const expiresAt = Number(await readFile(file, "utf8"));
      // Of two who come with the same code, one removes the file.
      await unlink(file);
      return now < expiresAt && expiresAt <= now + codeMs;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return false;
}

/** Codes that nobody has used. */
async function removeExpired(place: string, now: number): Promise<void> {
  const folder = dirname(place);
  const prefix = `${basename(place)}${ending}`;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue;
    const file = join(folder, name);
    const expiresAt = Number(await readFile(file, "utf8").catch(() => "0"));
    if (!(now < expiresAt)) await unlink(file).catch(() => {});
  }
}

const ending = ".sign-in-";

/** The first one is the same for processes whose temporary folders are not. */
function spareFolders(): string[] {
  return [memoryFolder(), runtimeFolder()];
}

/** What the names of code files begin with, in the order in which they are tried. */
function* placesFor(databasePath: string, folders: readonly string[]): Generator<string> {
  yield databasePath;
  for (const folder of folders) {
    const own = openRuntimeFolder(folder);
    if (own !== undefined) yield join(own, runtimeName(databasePath));
  }
}

function fileOf(place: string, code: string): string {
  return `${place}${ending}${createHash("sha256").update(code).digest("hex")}`;
}
