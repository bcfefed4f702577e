// Reads a file of a client program that may not be there.

import { readFile } from "node:fs/promises";

/** Undefined when there is none, or it cannot be read: then the client cannot either, and says so. */
export async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return undefined;
  }
}
