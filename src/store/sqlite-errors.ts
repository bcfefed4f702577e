// Turns what SQLite and the file system say about the database into a sentence for the person who has to fix it.

import { statSync } from "node:fs";
import Database from "better-sqlite3";
import { UserError } from "../errors.ts";
import { fixForDamaged, moveDatabaseAway } from "./damaged.ts";

/** Another process holds a lock for the moment; PROTOCOL is the WAL's own race for one. */
export function isBusy(error: unknown): boolean {
  return (
    error instanceof Database.SqliteError &&
    (error.code.startsWith("SQLITE_BUSY") || error.code === "SQLITE_PROTOCOL")
  );
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
        fix: `set server.database_path to another file, or to move this one away, ${moveDatabaseAway(path)}`,
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
