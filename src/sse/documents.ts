// Splits a JSON answer into its documents as it comes: the one object, or the elements of the one array that Gemini's
// streams without `alt=sse` are.

import { createCollector } from "./collector.ts";

export interface DocumentSplitterOptions {
  /** One complete object or array. The bytes are only valid during the call. */
  onDocument(document: Buffer): void;
  /** A document had more bytes than `maxDocumentBytes` and was dropped; the next ones still come. */
  onOversized?(): void;
  /** 32 MiB unless given. */
  maxDocumentBytes?: number;
  /** Of a longer string its beginning is in the document, one chunk more at most: a picture need not be kept for what is beside it. Absent: all of it. */
  maxStringBytes?: number;
}

export interface DocumentSplitter {
  push(chunk: Buffer): void;
  /** The answer's outermost bracket has come, and was not closed yet. */
  readonly open: boolean;
  /** The answer's outermost bracket was closed. */
  readonly closed: boolean;
  /** Of a document that is not whole yet. */
  readonly heldBytes: number;
  /** The document at hand is let go, as one that is too large. */
  forget(): void;
}

export function createDocumentSplitter(options: DocumentSplitterOptions): DocumentSplitter {
  const collector = createCollector(options.maxDocumentBytes ?? defaultMaxDocumentBytes);
  const maxStringBytes = options.maxStringBytes ?? Number.POSITIVE_INFINITY;
  let state: "before" | "reading" | "closed" | "garbage" = "before";
  let depth = 0;
  /** The depth at which documents begin: 1 inside of an array. */
  let base = 0;
  let document: "none" | "kept" | "oversized" = "none";
  let inString = false;
  /** Of the string at hand, as far as it has come. */
  let stringBytes = 0;
  let isLeftOut = false;
  /** The last byte of the chunk before was a backslash that escapes the first of the next. */
  let escaped = false;

  return {
    push,
    get open() {
      return state === "reading";
    },
    get closed() {
      return state === "closed";
    },
    get heldBytes() {
      return collector.heldBytes;
    },
    forget() {
      if (document !== "kept") return;
      collector.take();
      document = "oversized";
    },
  };

  function push(chunk: Buffer): void {
    let at = 0;
    if (state === "before") {
      while (at < chunk.length && isBlank(chunk[at]!)) at++;
      if (at === chunk.length) return;
      base = chunk[at] === openBracket ? 1 : 0;
      state = chunk[at] === openBracket || chunk[at] === openBrace ? "reading" : "garbage";
    }
    if (state !== "reading") return;
    let from = at;
    while (at < chunk.length) {
      if (inString) {
        const begun = at;
        // What a backslash escapes stays with it, or it would escape the closing quote.
        const kept = escaped && !isLeftOut ? at + 1 : at;
        isLeftOut = stringBytes > maxStringBytes;
        at = skipInString(chunk, at);
        stringBytes += at - begun;
        if (isLeftOut) {
          keep(chunk, from, kept);
          from = inString ? at : at - 1;
        }
        continue;
      }
      const byte = chunk[at++]!;
      if (byte === quote) {
        inString = true;
        isLeftOut = false;
        stringBytes = 0;
      } else if ((byte | 0x20) === openBrace) {
        if (depth++ === base) {
          document = "kept";
          from = at - 1;
        }
      } else if ((byte | 0x20) === closeBrace) {
        if (--depth === base && document !== "none") {
          keep(chunk, from, at);
          finishDocument();
        }
        if (depth <= 0) {
          state = "closed";
          return;
        }
      }
    }
    keep(chunk, from, at);
    collector.keep();
  }

  function keep(chunk: Buffer, from: number, to: number): void {
    if (document === "kept" && !collector.add(chunk, from, to)) document = "oversized";
  }

  function finishDocument(): void {
    const was = document;
    document = "none";
    if (was === "oversized") options.onOversized?.();
    else options.onDocument(collector.take());
  }

  /** Where the string ends, or the chunk. */
  function skipInString(chunk: Buffer, at: number): number {
    if (escaped) at++;
    escaped = false;
    while (at < chunk.length) {
      const near = Math.min(chunk.length, at + shortString);
      while (at < near) {
        const byte = chunk[at]!;
        if (byte === quote) {
          inString = false;
          return at + 1;
        }
        at += byte === backslash ? 2 : 1;
      }
      if (at >= chunk.length) break;
      const found = chunk.indexOf(quote, at);
      const stop = found < 0 ? chunk.length : found;
      let run = stop;
      while (run > at && chunk[run - 1] === backslash) run--;
      if ((stop - run) % 2 === 1) {
        at = stop + 1;
      } else if (found < 0) {
        return chunk.length;
      } else {
        inString = false;
        return found + 1;
      }
    }
    escaped = at > chunk.length;
    return chunk.length;
  }
}

const quote = 0x22;
const openBracket = 0x5b;
const backslash = 0x5c;
/** Setting one bit makes `[` this byte too, and `]` the other. */
const openBrace = 0x7b;
const closeBrace = 0x7d;

const defaultMaxDocumentBytes = 32 * 1024 * 1024;
/** Within so many bytes a loop finds a quote faster than a call into native code. */
const shortString = 48;

/** White space, and the bytes of a byte order mark. */
function isBlank(byte: number): boolean {
  return byte <= 0x20 || byte === 0xef || byte === 0xbb || byte === 0xbf;
}
