// The half of the key of clients' logins that is beside the database: with a copy or backup of the database alone nobody can try a token
// against the hashes in it.

import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const bytes = 32;

/** Made when there is none. Where the disk takes none it lasts as long as this process. */
export function readLoginSecret(databasePath: string): Buffer {
  const path = `${databasePath}.login-key`;
  try {
    const kept = readFileSync(path);
    if (kept.length === bytes) return kept;
  } catch {
    // There is none, or none that can be read.
  }
  const made = randomBytes(bytes);
  try {
    writeFileSync(path, made, { mode: 0o600 });
  } catch {
    // The next start makes another one.
  }
  return made;
}
