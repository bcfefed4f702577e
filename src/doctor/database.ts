// Checks the database: it is there, can be read and written, is sound, and was or was not damaged before.

import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { UserError } from "../domain/errors.ts";
import { openStore } from "../store/open.ts";
import { fixForDamaged } from "../store/sqlite-errors.ts";
import type { RecoveryRow } from "../store/store.ts";
import { shellWord } from "../terminal/shells.ts";
import { singleLine } from "../terminal/width.ts";
import { rfc3339 } from "../text/format.ts";
import { type Check, findingsOn } from "./check.ts";

export interface DatabaseCheckOptions {
  /** For looking for damage. */
  limitMs: number;
  /** Who looks for it: a process of its own when absent. */
  inspect?: (path: string, limitMs: number) => Promise<Integrity>;
}

export async function checkDatabase(path: string, options: DatabaseCheckOptions): Promise<Check[]> {
  const size = sizeOf(path);
  const obstacle = findObstacle(path);
  if (size === undefined && obstacle === undefined)
    return [findings.ok(`none yet: cc-relay serve creates ${path}`)];
  const checks = size === undefined ? [] : [await checkSoundness(path, { size, ...options })];
  return [
    ...(obstacle === undefined ? checks : checks.filter(({ status }) => status !== "ok")),
    ...(obstacle === undefined ? [] : [unwritable(path, obstacle)]),
    ...(await listRecoveries(path)),
  ];
}

const findings = findingsOn("relay", "database");

async function checkSoundness(
  path: string,
  { size, limitMs, inspect = inspectDatabase }: DatabaseCheckOptions & { size: number },
): Promise<Check> {
  const integrity = await inspect(path, limitMs);
  const file = `${path}, ${inBytes(size)}`;
  switch (integrity.kind) {
    case "sound":
      return findings.ok(`${file}: sound`);
    case "damaged":
      return findings.fail(`${file}: damaged (${singleLine(integrity.complaint)})`, fixForDamaged(path));
    case "unreadable":
      return findings.fail(integrity.message, integrity.fix ?? "check the file and its disk");
    case "unknown":
      return findings.warn(`${file}: could not be read within ${limitMs / 1000} s`, {
        instruction: "to have it checked however long it takes, run:",
        command: `sqlite3 ${shellWord(path)} 'pragma quick_check'`,
      });
  }
}

function unwritable(path: string, code: string): Check {
  const detail = `${path} cannot be written (${code}): a relay that starts now keeps everything in memory, and refreshes no login`;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  const fix = isFull
    ? "make room on its disk; the relay writes again by itself"
    : `make it and its folder writable for the user that runs the relay, or set server.database_path to another file`;
  return findings.fail(detail, fix);
}

/** What keeps a file from being written in the database's folder, as the system's code; undefined when nothing does. */
export function findObstacle(path: string): string | undefined {
  const folder = dirname(path);
  if (!existsSync(folder)) return findObstacleToFolder(folder);
  const trial = join(folder, `.cc-relay-doctor-${process.pid}`);
  try {
    if (existsSync(path)) accessSync(path, constants.W_OK);
    writeFileSync(trial, Buffer.alloc(trialBytes), { mode: 0o600, flag: "wx", flush: true });
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    rmSync(trial, { force: true });
  }
}

/** What keeps a folder that is not there from being made. */
function findObstacleToFolder(folder: string): string | undefined {
  let above = dirname(folder);
  while (!existsSync(above)) above = dirname(above);
  try {
    if (!statSync(above).isDirectory()) return "ENOTDIR";
    accessSync(above, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Some pages: a disk that is nearly full takes an empty file. */
const trialBytes = 64 * 1024;

/** Databases that were damaged, as long as their files are there. */
async function listRecoveries(path: string): Promise<Check[]> {
  try {
    const store = await openStore({ databasePath: path }, { for: "reading", busyTimeoutMs: 1000 });
    try {
      return (await store.recoveries.list()).filter((row) => existsSync(row.path)).map(describeRecovery);
    } finally {
      await store.close();
    }
  } catch (error) {
    // What is wrong with it has been said.
    if (error instanceof UserError) return [];
    throw error;
  }
}

function describeRecovery({ time, path, rows, damaged }: RecoveryRow): Check {
  const counts = Object.entries(rows).map(([table, count]) => `${table.replaceAll("_", " ")} ${count}`);
  const carried = counts.length > 0 ? counts.join(", ") : "nothing";
  const lost =
    damaged.length > 0 ? `; not everything could be read of: ${damaged.join(", ")}` : "; nothing was lost";
  return findings.warn(
    `was damaged on ${rfc3339(time)} and set aside as ${path}; carried over: ${carried}${lost}`,
    { instruction: "when it is no longer needed, run:", command: `rm ${shellWord(path)}*` },
  );
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

export type Integrity =
  | { kind: "sound" }
  /** SQLite's first complaint. */
  | { kind: "damaged"; complaint: string }
  | { kind: "unreadable"; message: string; fix: string | undefined }
  | { kind: "unknown" };

function inspectDatabase(path: string, limitMs: number): Promise<Integrity> {
  const script = join(import.meta.dirname, `integrity-process${extname(import.meta.filename)}`);
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [script, path],
      { timeout: limitMs, killSignal: "SIGKILL", windowsHide: true },
      (error, stdout) => {
        if (error?.killed) return resolve({ kind: "unknown" });
        // Damaged enough, a file can bring the process down that reads it.
        resolve(readVerdict(stdout) ?? { kind: "damaged", complaint: "SQLite cannot read it" });
      },
    );
  });
}

function readVerdict(text: string): Integrity | undefined {
  try {
    const { damage, message, fix } = JSON.parse(text) as {
      damage?: unknown;
      message?: unknown;
      fix?: unknown;
    };
    if (damage === null) return { kind: "sound" };
    if (typeof damage === "string") return { kind: "damaged", complaint: damage };
    if (typeof message !== "string") return undefined;
    return { kind: "unreadable", message, fix: typeof fix === "string" ? fix : undefined };
  } catch {
    return undefined;
  }
}
