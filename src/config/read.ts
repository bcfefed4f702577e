// Reads the text of a configuration file, or returns why it cannot be read.

import { isUtf8 } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { UserError } from "../domain/errors.ts";
import { ConfigError, printable } from "./problem.ts";

/** The text, a byte order mark included. Throws a UserError when it cannot be read or is not a file. */
export async function readConfigText(file: string): Promise<string> {
  const bytes = await readBytes(file);
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const fix = "save the file as UTF-8 (in Windows PowerShell: Set-Content -Encoding utf8)";
  throw new ConfigError([{ file, line: findBadLine(bytes), key: "", what: "this is not UTF-8 text", fix }]);
}

/** No character of several bytes holds the byte of a line break, so lines can be checked one by one. */
function findBadLine(bytes: Buffer): number {
  let line = 1;
  let start = 0;
  for (let end = bytes.indexOf("\n"); end !== -1; end = bytes.indexOf("\n", start)) {
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end + 1;
    line += 1;
  }
  return line;
}

// A configuration is some kilobytes; a device or a log named by mistake has no end.
const maxFileBytes = 16 * 1024 * 1024;

async function readBytes(file: string): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, "r");
    if ((await handle.stat()).isDirectory()) throw unreadable(file, "it is a folder", "name a file");
    return await readUpTo(handle, file);
  } catch (error) {
    throw error instanceof UserError ? error : explainReadError(error, file);
  } finally {
    await handle?.close();
  }
}

async function readUpTo(handle: FileHandle, file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of handle.createReadStream({ autoClose: false, end: maxFileBytes })) {
    const bytes = chunk as Buffer;
    chunks.push(bytes);
    size += bytes.length;
  }
  if (size > maxFileBytes) throw unreadable(file, "it is larger than 16 MB", "name a configuration file");
  return Buffer.concat(chunks);
}

function explainReadError(error: unknown, file: string): UserError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EACCES" || code === "EPERM") {
    return unreadable(file, "permission is denied", "give this user the right to read it", error);
  }
  if (code === "ENOENT") return unreadable(file, "it is gone", "put it back", error);
  return unreadable(
    file,
    `the system says ${code ?? "that it cannot"}`,
    "check the file and its disk",
    error,
  );
}

function unreadable(file: string, why: string, fix: string, cause?: unknown): UserError {
  return new UserError(`cannot read ${printable(file, 400)}: ${why}`, { fix, cause });
}
