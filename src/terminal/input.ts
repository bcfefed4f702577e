// What somebody pipes into a command.

import { UserError } from "../errors.ts";

/** Far above any key or pasted login; a bound, because the writer may never stop. */
const maxBytes = 64 * 1024;

/** Everything on the stream as one text without the white space around it. */
export async function readPiped(stream: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > maxBytes)
      throw new UserError("standard input is longer than any key: nothing was read from it");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .trim();
}
