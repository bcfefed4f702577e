// Whether the database is there, can be read, and is sound.

import { statSync } from "node:fs";
import { fixForDamaged } from "../store/damaged.ts";
import { shellWord } from "../terminal/shells.ts";
import { singleLine } from "../terminal/width.ts";
import { type Check, findingsOn } from "./check.ts";
import { inspectDatabase } from "./integrity.ts";

export async function checkDatabase(path: string, limitMs: number): Promise<Check> {
  const findings = findingsOn("relay", "database");
  const size = sizeOf(path);
  if (size === undefined) return findings.ok(`none yet: cc-relay serve creates ${path}`);
  const integrity = await inspectDatabase(path, limitMs);
  const file = `${path}, ${inBytes(size)}`;
  switch (integrity.kind) {
    case "sound":
      return findings.ok(`${file}: sound`);
    case "damaged":
      return findings.fail(`${file}: damaged (${singleLine(integrity.complaint)})`, fixForDamaged(path));
    case "unreadable":
      return findings.fail(integrity.message, integrity.fix ?? "check the file and its disk");
    case "unknown":
      return findings.warn(
        `${file}: could not be read within ${limitMs / 1000} s`,
        `to have it checked however long it takes, run: sqlite3 ${shellWord(path)} 'pragma quick_check'`,
      );
  }
}

/** What is not yet in the main file counts too. Undefined when there is no file. */
function sizeOf(path: string): number | undefined {
  const sizes = [path, `${path}-wal`].map((file) => statSync(file, { throwIfNoEntry: false })?.size);
  return sizes[0] === undefined ? undefined : sizes[0] + (sizes[1] ?? 0);
}

/** `340 kB`, `12.4 MB` */
function inBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit > 1 && value < 99.95 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}
