// The lines that somebody pipes into a command, one by one as they come.

import { UserError } from "../domain/errors.ts";

/** Far above any key or pasted address; a bound, because the writer may never end its line. */
const maxLineLength = 64 * 1024;

export interface PipedLines {
  /** The next line that is not blank, without the white space around it; undefined at the end. */
  next(): Promise<string | undefined>;
}

export function readLines(stream: AsyncIterable<Buffer | string>): PipedLines {
  const chunks = stream[Symbol.asyncIterator]();
  const decoder = new TextDecoder();
  let text = "";
  let isOver = false;

  /** What has come so far up to the first line break; undefined when there is none yet. */
  function take(): string | undefined {
    const end = text.indexOf("\n");
    if (end === -1 && !isOver) return undefined;
    const line = end === -1 ? text : text.slice(0, end);
    text = end === -1 ? "" : text.slice(end + 1);
    return line;
  }

  async function read(): Promise<void> {
    const { done, value } = await chunks.next();
    isOver = done === true;
    if (!isOver) text += typeof value === "string" ? value : decoder.decode(value, { stream: true });
    if (text.length > maxLineLength && !text.includes("\n"))
      throw new UserError("standard input holds a line that is longer than any key: it was not used", {
        fix: "pipe in the key alone, on a line of its own",
      });
  }

  return {
    async next() {
      while (text !== "" || !isOver) {
        // String.prototype.trim takes a byte order mark away, too.
        const line = take()?.trim();
        if (line === undefined) await read();
        else if (line !== "") return line;
      }
      return undefined;
    },
  };
}
