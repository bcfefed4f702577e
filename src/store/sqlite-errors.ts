// Turns what SQLite and the file system say about the database into a sentence for the person who has to fix it.

import { isUtf8 } from "node:buffer";
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { type Fix, UserError } from "../domain/errors.ts";
import { shellWord } from "../terminal/shells.ts";

/** Another process holds a lock for the moment; PROTOCOL is the WAL's own race for one. */
export function isBusy(error: unknown): boolean {
  return (
    error instanceof Database.SqliteError &&
    (error.code.startsWith("SQLITE_BUSY") || error.code === "SQLITE_PROTOCOL")
  );
}

/** What is in the file was written by something else, or over what SQLite had written. */
export function isNoDatabase(error: unknown): boolean {
  const { code } = rootOf(error) as { code?: string };
  return (
    code === "SQLITE_NOTADB" || code === "SQLITE_CORRUPT" || code?.startsWith("SQLITE_CORRUPT_") === true
  );
}

/** SQLite's own check found damage. */
export class DamageError extends Error {
  override name = "DamageError";
}

/**
 * - `damaged`: the file is no database, or not whole, or has not the tables that its version says.
 * - `unwritable`: the disk is full or takes no writes from this user.
 */
export type StorageFault = "damaged" | "unwritable";

/** Undefined for what is neither: another program's database, a lock, an error of ours. */
export function storageFault(error: unknown, path: string): StorageFault | undefined {
  const { code = "", message } = rootOf(error) as { code?: string; message: string };
  // For a person to see to, as is a file that may not even be read.
  if (isFolder(path)) return undefined;
  if (error instanceof DamageError || isNoDatabase(error)) return "damaged";
  if (code === "SQLITE_ERROR") {
    return /no such (?:table|column|index)|has no column|duplicate column|already exists|malformed/.test(
      message,
    )
      ? "damaged"
      : undefined;
  }
  if (/^(?:EROFS|ENOSPC|EDQUOT|EFBIG|EACCES|EPERM)$/.test(code)) return "unwritable";
  if (/^SQLITE_(?:FULL|READONLY|PERM|IOERR)/.test(code)) return "unwritable";
  if (code.startsWith("SQLITE_CANTOPEN")) {
    return isReadable(path) ? "unwritable" : undefined;
  }
  return undefined;
}

/** A text file whose name is not that of a database belongs to somebody, and database_path is a mistake. */
export function isSomebodysText(path: string): boolean {
  if (/\.(?:db|sqlite3?)$/.test(path)) return false;
  const bytes = readFileSync(path);
  return bytes.length > 0 && isUtf8(bytes) && !bytes.includes(0);
}

/** What SQLite or the system said, behind the sentence that was made of it. */
function rootOf(error: unknown): unknown {
  return error instanceof UserError && error.cause !== undefined ? error.cause : error;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

/** A UserError for what a person can fix (permissions, disk, a file that is no database); every other error as it is. */
export function explainSqlite(error: unknown, path: string): unknown {
  if (error instanceof Database.SqliteError) return explainCode(error, path) ?? error;
  if (error instanceof Error && "syscall" in error) return explainFile(error, path);
  return error;
}

const chooseAnother = "or set server.database_path to another file";

function explainCode(error: { code: string; message: string }, path: string): UserError | undefined {
  const cause = error;
  if (isFolder(path)) {
    return new UserError(`the database ${path} is a folder`, { fix: `remove it, ${chooseAnother}`, cause });
  }
  // Extended codes (SQLITE_IOERR_FSYNC) add to the plain one.
  switch (error.code.split("_")[1]) {
    case "NOTADB":
      return new UserError(`${path} is not a SQLite database`, {
        fix: moveDatabaseAway(path, "set server.database_path to another file, or to move this one away"),
        cause,
      });
    case "CORRUPT":
      return new UserError(`the database ${path} is damaged (${error.message})`, {
        fix: fixForDamaged(path),
        cause,
      });
    case "READONLY":
    case "PERM":
      return new UserError(`the database ${path} cannot be written`, {
        fix: `give the account that runs the relay write access to the file and its folder, ${chooseAnother}`,
        cause,
      });
    case "CANTOPEN":
      return new UserError(`the database ${path} cannot be opened`, {
        fix: `give the account that runs the relay access to the file and its folder, ${chooseAnother}`,
        cause,
      });
    case "FULL":
      return new UserError(`the disk that holds ${path} is full`, { fix: "make room on it", cause });
    case "IOERR":
      return new UserError(
        `the database ${path} cannot be read or written (${error.message}, ${error.code})`,
        {
          fix: `check the disk and its file system, ${chooseAnother}`,
          cause,
        },
      );
    case "ERROR":
      return storageFault(error, path) === "damaged"
        ? new UserError(`the database ${path} has not the tables of its version (${error.message})`, {
            fix: fixForDamaged(path),
            cause,
          })
        : undefined;
    case "BUSY":
    case "PROTOCOL":
      return new UserError(`the database ${path} is locked by another program`, {
        fix: "end the program that has it open and try again",
        cause,
      });
    default:
      return undefined;
  }
}

function explainFile(error: Error, path: string): UserError {
  return new UserError(`the database ${path} cannot be created (${error.message})`, {
    fix: `give the account that runs the relay write access to the folder, ${chooseAnother}`,
    cause: error,
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** For a database file that cannot be used as it is. Everything that belongs to the file goes with it: an old -wal would damage the next one. */
function moveDatabaseAway(path: string, purpose: string): Fix {
  const folder = shellWord(join(dirname(path), "damaged-XXXXXX"));
  return { instruction: `${purpose}, run:`, command: `mv ${shellWord(path)}* "$(mktemp -d ${folder})"` };
}

export function fixForDamaged(path: string): Fix {
  const purpose =
    "stop the relay and begin a new database (sqlite3's .recover may save what the old one holds)";
  return moveDatabaseAway(path, purpose);
}
