// The one-time code that signs a browser in at the page. `cc-relay web` leaves a file beside the database, named by the code's
// hash; the relay takes the file away when the code is used. Only the owner of the relay may write there: no key has to be asked
// for, and the code itself is in no file.

import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export const codeMs = 60_000;

/** Makes a code that a relay on this database takes once within a minute. */
export async function createCode(databasePath: string, now: number): Promise<string> {
  await removeExpired(databasePath, now);
  const code = randomBytes(24).toString("base64url");
  await writeFile(fileOf(databasePath, code), `${now + codeMs}\n`, { mode: 0o600, flag: "wx" });
  return code;
}

/** Whether the code was good; it is not from then on. */
export async function useCode(databasePath: string, code: string, now: number): Promise<boolean> {
  if (!/^[\w-]{32}$/.test(code)) return false;
  const file = fileOf(databasePath, code);
  try {
    const expiresAt = Number(await readFile(file, "utf8"));
    // Of two who come with the same code, one removes the file.
    await unlink(file);
    return now < expiresAt && expiresAt <= now + codeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Codes that nobody has used. */
export async function removeExpired(databasePath: string, now: number): Promise<void> {
  const folder = dirname(databasePath);
  const prefix = `${basename(databasePath)}${ending}`;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue;
    const file = join(folder, name);
    const expiresAt = Number(await readFile(file, "utf8").catch(() => "0"));
    if (!(now < expiresAt)) await unlink(file).catch(() => {});
  }
}

const ending = ".sign-in-";

function fileOf(databasePath: string, code: string): string {
  return `${databasePath}${ending}${createHash("sha256").update(code).digest("hex")}`;
}
