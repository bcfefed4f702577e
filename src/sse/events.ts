// Splits an event stream into its events (WHATWG HTML, server-sent events) on the bytes, wherever the chunks end.

import { createCollector } from "./collector.ts";

export interface EventSplitterOptions {
  /**
   * One complete event. `name` is "" when the stream named none; the lines of `data` are joined by a line feed.
   * The bytes are only valid during the call: copy what is to be kept.
   */
  onEvent(name: string, data: Buffer): void;
  /**
   * Asked at an event's first line of data with the name seen by then; events that are not wanted are skipped without
   * being buffered. Without it all are wanted.
   */
  wants?(name: string): boolean;
  /** An event had more data than `maxEventBytes` and was dropped; the stream goes on. */
  onOversized?(name: string): void;
  /**
   * Takes everything from a line on that begins with `{` or `[`, which no line of an event stream does: Google answers with
   * bare JSON when a stream fails. Without it such lines are ignored, as the standard has it.
   */
  onBare?(bytes: Buffer): void;
  /** 32 MiB unless given. */
  maxEventBytes?: number;
}

export interface EventSplitter {
  push(chunk: Buffer): void;
  /** The stream ended: an event that lacks only its blank line counts. */
  end(): void;
  /** Of an event that is not whole yet. */
  readonly heldBytes: number;
  /** The event at hand is let go, as one that is too large. */
  forget(): void;
}

export function createEventSplitter(options: EventSplitterOptions): EventSplitter {
  let started = false;
  let bare = false;
  /** The chunk ended with a carriage return: a line feed that comes next belongs to it. */
  let skipLineFeed = false;
  /** The beginning of a line that is too short yet to be recognised. */
  let held: Buffer = nothing;
  /** What the rest of a line is that began in an earlier chunk. */
  let inside: "data" | "ignored" | undefined;
  /** The next line feed and carriage return in the chunk at hand; its length when there is none. */
  let lineFeed = -1;
  let carriageReturn = -1;

  const names = createNames();
  let name = "";
  let data: "none" | "kept" | "skipped" | "oversized" = "none";
  const collector = createCollector(options.maxEventBytes ?? defaultMaxEventBytes);

  return {
    push,
    end,
    get heldBytes() {
      return collector.heldBytes;
    },
    forget() {
      if (data !== "kept") return;
      collector.take();
      data = "oversized";
    },
  };

  function push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (bare) return options.onBare?.(bytes);
    const chunk = held.length > 0 ? Buffer.concat([held, bytes]) : bytes;
    held = nothing;
    let at = 0;
    if (!started) {
      const mark = byteOrderMark.subarray(0, chunk.length);
      if (chunk.subarray(0, 3).equals(mark)) {
        if (mark.length < 3) {
          held = Buffer.from(chunk);
          return;
        }
        at = 3;
      }
      started = true;
    }
    if (skipLineFeed && chunk[0] === lf) at = 1;
    skipLineFeed = false;

    lineFeed = carriageReturn = -1;
    while (at < chunk.length) {
      const lineEnd = findLineEnd(chunk, at);
      const complete = lineEnd < chunk.length;
      if (inside === "data") addData(chunk, at, lineEnd);
      else if (inside === undefined && complete) readLine(chunk, at, lineEnd);
      else if (inside === undefined) readBeginning(chunk, at);
      if (bare) return;
      if (!complete) break;
      inside = undefined;
      at = lineEnd + 1;
      if (chunk[lineEnd] === cr) {
        if (at === chunk.length) skipLineFeed = true;
        else if (chunk[at] === lf) at++;
      }
    }
    collector.keep();
  }

  function end(): void {
    if (bare) return;
    if (held.length > 0) readLine(held, 0, held.length);
    held = nothing;
    inside = undefined;
    if (!bare) dispatch();
  }

  function findLineEnd(chunk: Buffer, at: number): number {
    // Most lines are names, or empty: for those a loop is faster than a call into native code.
    for (const near = Math.min(at + shortLine, chunk.length); at < near; at++) {
      if (chunk[at] === lf || chunk[at] === cr) return at;
    }
    if (lineFeed < at) lineFeed = indexOrLength(chunk, lf, at);
    if (carriageReturn < at) carriageReturn = indexOrLength(chunk, cr, at);
    return Math.min(lineFeed, carriageReturn);
  }

  function readLine(chunk: Buffer, start: number, lineEnd: number): void {
    if (start === lineEnd) return dispatch();
    const first = chunk[start];
    if (first === letterD && isField(chunk, start, lineEnd, "data")) {
      startData();
      addData(chunk, valueStart(chunk, start + 4, lineEnd), lineEnd);
    } else if (first === letterE && isField(chunk, start, lineEnd, "event")) {
      name = names.read(chunk, valueStart(chunk, start + 5, lineEnd), lineEnd);
    } else if (isBare(first)) {
      becomeBare(chunk, start);
    }
  }

  /** A line whose end is not here yet. Data is taken at once; little else is long enough to be worth it. */
  function readBeginning(chunk: Buffer, start: number): void {
    const length = chunk.length - start;
    const first = chunk[start];
    if (isBare(first)) return becomeBare(chunk, start);
    if ((first === letterD && length < 6) || (first === letterE && length < maxNameBytes)) {
      held = Buffer.from(chunk.subarray(start));
    } else if (first === letterD && isField(chunk, start, chunk.length, "data")) {
      startData();
      addData(chunk, valueStart(chunk, start + 4, chunk.length), chunk.length);
      inside = "data";
    } else {
      inside = "ignored";
    }
  }

  function becomeBare(chunk: Buffer, start: number): void {
    bare = true;
    dispatch();
    options.onBare?.(chunk.subarray(start));
  }

  function isBare(first: number | undefined): boolean {
    return (first === openBrace || first === openBracket) && options.onBare !== undefined;
  }

  /** A line of data begins. */
  function startData(): void {
    if (data === "none") data = (options.wants?.(name) ?? true) ? "kept" : "skipped";
    else if (data === "kept") addData(newLine, 0, 1);
  }

  function addData(chunk: Buffer, start: number, pieceEnd: number): void {
    if (data === "kept" && !collector.add(chunk, start, pieceEnd)) data = "oversized";
  }

  function dispatch(): void {
    const was = data;
    const eventName = name;
    const bytes = was === "kept" ? collector.take() : nothing;
    name = "";
    data = "none";
    if (was === "kept") options.onEvent(eventName, bytes);
    else if (was === "oversized") options.onOversized?.(eventName);
  }
}

const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const colon = 0x3a;
const openBracket = 0x5b;
const letterD = 0x64;
const letterE = 0x65;
const openBrace = 0x7b;
const byteOrderMark = Buffer.from("\ufeff");
const newLine = Buffer.from("\n");
const nothing = Buffer.alloc(0);

const defaultMaxEventBytes = 32 * 1024 * 1024;
/** See findLineEnd. */
const shortLine = 32;
/** A longer line that begins like a name is ignored when it is split between chunks. */
const maxNameBytes = 256;
/** A stream has a dozen names; more are not worth remembering. */
const maxKnownNames = 32;

function indexOrLength(chunk: Buffer, byte: number, from: number): number {
  const index = chunk.indexOf(byte, from);
  return index < 0 ? chunk.length : index;
}

/** Whether the line is `field:…`, or `field` alone. */
function isField(chunk: Buffer, start: number, lineEnd: number, field: "data" | "event"): boolean {
  const length = field.length;
  if (lineEnd - start < length || (lineEnd - start > length && chunk[start + length] !== colon)) return false;
  for (let i = 1; i < length; i++) if (chunk[start + i] !== field.charCodeAt(i)) return false;
  return true;
}

/** Behind the colon, less one space. */
function valueStart(chunk: Buffer, colonAt: number, lineEnd: number): number {
  if (colonAt >= lineEnd) return lineEnd;
  return colonAt + 1 < lineEnd && chunk[colonAt + 1] === space ? colonAt + 2 : colonAt + 1;
}

/** Turns names into strings; a name seen before costs no new string, and nearly all have been. */
function createNames(): { read(chunk: Buffer, start: number, end: number): string } {
  const known: string[] = [];
  return { read };

  function read(chunk: Buffer, start: number, end: number): string {
    for (const name of known) if (isSame(name, chunk, start, end)) return name;
    const name = chunk.toString("utf8", start, end);
    const isAscii = name.length === end - start;
    if (isAscii && known.length < maxKnownNames) known.push(name);
    return name;
  }

  /** From the back, where the names of one API differ. */
  function isSame(name: string, chunk: Buffer, start: number, end: number): boolean {
    if (name.length !== end - start) return false;
    for (let i = name.length - 1; i >= 0; i--) if (name.charCodeAt(i) !== chunk[start + i]) return false;
    return true;
  }
}
