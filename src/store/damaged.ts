// The advice for a database file that is damaged or not a database: nothing in it can be used as it is.

import { dirname, join } from "node:path";
import { shellWord } from "../terminal/shells.ts";

/** As the end of a sentence. Everything that belongs to the file goes with it: an old -wal would damage the next one. */
export function moveDatabaseAway(path: string): string {
  const folder = shellWord(join(dirname(path), "damaged-XXXXXX"));
  return `run: mv ${shellWord(path)}* "$(mktemp -d ${folder})"`;
}

export function fixForDamaged(path: string): string {
  return `stop the relay and begin a new database (sqlite3's .recover may save what the old one holds), ${moveDatabaseAway(path)}`;
}
