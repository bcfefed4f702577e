// The events of a stream that is converted, as text, and none larger than a bound: one may have no end.

import { createParser } from "eventsource-parser";

export interface BoundedEventsOptions {
  /** Of one event that is not whole yet, in UTF-16 units. */
  maxLength: number;
  /** `name` is "" when the stream named none. */
  onEvent(name: string, data: string): void;
  /**
   * An event is larger than the bound, and is passed over; called as soon as that is so. `beginning`: its first characters, up to 512
   * of them, lines as they came.
   */
  onOversized(beginning: string): void;
}

export interface BoundedEvents {
  feed(bytes: Buffer): void;
  /** The stream has ended: an event that lacks only its blank line counts. */
  end(): void;
  /** Of the event that is not whole yet, in bytes, about. */
  readonly heldBytes: number;
}

export function createBoundedEvents({
  maxLength,
  onEvent,
  onOversized,
}: BoundedEventsOptions): BoundedEvents {
  const decoder = new TextDecoder();
  let beginning = "";
  let heldBytes = 0;
  let hasEvent = false;
  /** Until the blank line that ends an oversized event; the end of what was passed over, which may be a part of it. */
  let passed: string | undefined;
  const parser = createParser({
    maxBufferSize: maxLength,
    onEvent({ event = "", data }) {
      hasEvent = true;
      heldBytes = 0;
      onEvent(event, data);
    },
    onError({ type }) {
      if (type !== "max-buffer-size-exceeded") return;
      passed = "";
      heldBytes = 0;
      // The second half of the blank line before it may have come in a piece of its own.
      onOversized(beginning.trimStart());
    },
  });

  /** A piece is far smaller than the bound: an event that exceeds it began in an earlier one. */
  function feedPiece(text: string): void {
    const rest = passed === undefined ? text : passOver(text);
    if (passed !== undefined) return;
    hasEvent = false;
    parser.feed(rest);
    if (hasEvent) beginning = rest.slice(endOfLastEvent(rest)).slice(0, maxBeginning);
    else if (beginning.length < maxBeginning) beginning += rest.slice(0, maxBeginning - beginning.length);
  }

  /** What comes behind the event that is passed over; "" as long as it goes on. */
  function passOver(text: string): string {
    const all = passed + text;
    const end = blankLine.exec(all);
    if (end === null) {
      passed = all.slice(-3);
      return "";
    }
    passed = undefined;
    beginning = "";
    parser.reset();
    return all.slice(end.index + end[0].length);
  }

  function feed(text: string): void {
    for (let at = 0; at < text.length; at += pieceLength) feedPiece(text.slice(at, at + pieceLength));
  }

  return {
    get heldBytes() {
      return heldBytes;
    },
    feed(bytes) {
      if (passed === undefined) heldBytes += bytes.length;
      feed(decoder.decode(bytes, { stream: true }));
    },
    end() {
      feed(`${decoder.decode()}\n\n`);
    },
  };
}

const maxBeginning = 512;
const pieceLength = 64 * 1024;
const blankLine = /\r\n\r\n|\n\n|\r\r/;

/** Where the text goes on behind its last blank line; at its start where none is seen, since an earlier piece may have its first half. */
function endOfLastEvent(text: string): number {
  const ends = ["\n\n", "\r\r", "\r\n\r\n"].map((line) => {
    const at = text.lastIndexOf(line);
    return at < 0 ? 0 : at + line.length;
  });
  return Math.max(...ends);
}
