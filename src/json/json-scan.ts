// Reads single members out of a JSON object's bytes without parsing the rest: parsing a long conversation costs more
// than relaying it, and blocks every other stream meanwhile.
//
// For every valid document the result is what JSON.parse would give. Bytes that are not JSON are found out only where
// they disturb the reading; the rest is left to the provider.

import { isKey } from "./json-key.ts";

/** Where a value is: the first byte and the one behind the last. Offsets are of the buffer that was scanned. */
export interface Span {
  start: number;
  end: number;
}

/** The wanted members that the object has, by name. */
export type Members = ReadonlyMap<string, Span>;

/** A key to look for at any depth, since what it names may be in any element of a conversation. */
export interface SoughtKey {
  key: string;
  /** Whether this string under the key is the one that is meant; others are passed over. It gets the bytes between the quotes as Latin-1. */
  accepts(value: string): boolean;
}

export interface ScannedObject {
  members: Members;
  /** The first accepted string under each sought key that has one. A key inside of a string does not count. */
  strings: ReadonlyMap<string, string>;
}

/**
 * The spans of an object's own members with these names, which are ASCII; of a repeated name the last, as JSON.parse takes
 * it. Undefined when the bytes are no JSON object. To look into a member, scan `body.subarray(span.start, span.end)`.
 *
 * One pass from front to back. It stops where the work would hold up other requests (`maxLookedAt`, `maxMembers`: no
 * real client comes near), and then says what it has found by then.
 */
export function scanMembers(body: Buffer, names: readonly string[]): Members | undefined {
  return scanObject(body, names, [])?.members;
}

/** Looks in the same pass for strings that may be anywhere in the object. */
export function scanObject(
  body: Buffer,
  names: readonly string[],
  sought: readonly SoughtKey[],
): ScannedObject | undefined {
  return new Scanner(body, body.length, sought).readObject(names);
}

const none: Members = new Map();

/** The members of the object at a span; empty for anything that is no object. Offsets count from the body's start. */
export function membersAt(body: Buffer, names: readonly string[], span: Span | undefined): Members {
  if (span === undefined) return none;
  const part = body.subarray(span.start, span.end);
  const found = new Scanner(part, part.length, [], maxLookedAtInside).readObject(names)?.members;
  if (found === undefined) return none;
  const moved = new Map<string, Span>();
  for (const [name, { start, end }] of found)
    moved.set(name, { start: start + span.start, end: end + span.start });
  return moved;
}

/** The string under a name of the object at a span. */
export function stringAt(body: Buffer, name: string, object: Span | undefined): string | undefined {
  return readString(body, membersAt(body, [name], object).get(name));
}

/** The text of a string value; undefined for any other value or none, and for one larger than `maxStringBytes`. */
export function readString(body: Buffer, span: Span | undefined): string | undefined {
  if (!span || body[span.start] !== quote) return undefined;
  const value = readSpan(body, span);
  return typeof value === "string" ? value : undefined;
}

/** Undefined for anything but `true` and `false`. */
export function readBoolean(body: Buffer, span: Span | undefined): boolean | undefined {
  const value = span && span.end - span.start <= 5 ? readSpan(body, span) : undefined;
  return typeof value === "boolean" ? value : undefined;
}

/** JSON.parse of one value; undefined when there is no value, it is no JSON, or it is larger than any that is read so. */
export function readSpan(body: Buffer, span: Span | undefined): unknown {
  if (!span) return undefined;
  if (span.end - span.start > (body[span.start] === quote ? maxStringBytes : maxValueBytes)) return undefined;
  try {
    return JSON.parse(body.toString("utf8", span.start, span.end));
  } catch {
    return undefined;
  }
}

/** The elements of an array value one after another; if the caller stops, the rest stays unread. Empty for other values. */
export function* firstElements(body: Buffer, span: Span | undefined): Generator<Span, void> {
  if (!span || body[span.start] !== openBracket) return;
  const scanner = new Scanner(body, span.end, []);
  let at = scanner.skipSpace(span.start + 1);
  while (at < span.end && body[at] !== closeBracket) {
    const end = scanner.skipElement(at);
    if (end <= at) return;
    yield { start: at, end };
    at = scanner.skipSpace(end);
    if (body[at] !== comma) return;
    at = scanner.skipSpace(at + 1);
  }
}

/** Sealed thinking and compacted conversations are the longest; to read so much takes some 10 ms. */
const maxStringBytes = 4 * 1024 * 1024;
/** Usage, errors, metadata. The same time goes into so much, where it is nothing but empty lists. */
const maxValueBytes = 256 * 1024;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * So many bytes of strings are looked at one by one, or a third of anything else: some 15 ms of work. What a native search leaps over
 * does not count. It is enough for 6 MB of source code in strings: more than fits into any model's context.
 */
const maxLookedAt = 4 * 1024 * 1024;
/** The same for an object inside of the body, which has been passed over once: a message, a block. Or each level would cost as much again. */
const maxLookedAtInside = 1.5 * 1024 * 1024;
/** What a byte outside of strings costs: there is little of it in what clients and providers send. */
const outsideCost = 3;
/** A string costs as much as so many bytes, beside its own. */
const bytesPerString = 16;
/** An element costs as much as so many: it is given out to be looked into. */
const bytesPerElement = 256;
/** More members than this no request and no answer has. */
const maxMembers = 20_000;
/** A sought key that is there more often than this without an accepted string is skipped. */
const maxHits = 256;
/** Within so many bytes a loop finds a quote faster than a call into native code. */
const shortString = 48;

/** Of scans that look for none, which most do. */
const noStrings: Map<string, string> = new Map();

class Scanner {
  readonly #body: Buffer;
  readonly #end: number;
  /** How far may be looked: grows with every byte that is leapt over, shrinks with every string. */
  #allowance: number;
  /** The end, or the allowance where that is nearer. */
  #limit: number;
  #sought: { wanted: SoughtKey; hits: number }[];
  readonly #strings: Map<string, string>;

  constructor(body: Buffer, end: number, sought: readonly SoughtKey[], allowance = maxLookedAt) {
    this.#body = body;
    this.#end = end;
    this.#allowance = allowance;
    this.#limit = Math.min(end, allowance);
    this.#sought = sought.map((wanted) => ({ wanted, hits: 0 }));
    this.#strings = sought.length > 0 ? new Map() : noStrings;
  }

  readObject(names: readonly string[]): ScannedObject | undefined {
    const body = this.#body;
    const members = new Map<string, Span>();
    const found = { members, strings: this.#strings };
    let at = this.skipSpace(0);
    if (body[at] !== openBrace) return undefined;
    at = this.skipSpace(at + 1);
    for (let count = 0; body[at] !== closeBrace || count > 0; count++) {
      if (count === maxMembers) return found;
      const keyEnd = body[at] === quote ? this.#skipString(at) : at;
      const colonAt = this.skipSpace(keyEnd);
      const start = this.skipSpace(colonAt + 1);
      const end = keyEnd > at && body[colonAt] === colon ? this.skipValue(start) : start;
      if (end <= start) return this.#isStopped ? found : undefined;
      const name = names.find((each) => isKey(body, at, keyEnd, each));
      if (name !== undefined) members.set(name, { start, end });
      if (this.#sought.length > 0) this.#considerKey(at, keyEnd);
      at = this.skipSpace(end);
      if (body[at] === closeBrace) break;
      if (body[at] !== comma) return this.#isStopped ? found : undefined;
      at = this.skipSpace(at + 1);
    }
    return this.skipSpace(at + 1) === this.#end || this.#isStopped ? found : undefined;
  }

  skipElement(at: number): number {
    this.#allow(-bytesPerElement);
    return this.skipValue(at);
  }

  /** The end of the value that starts here; `at` itself or -1 when none does, or reading stopped before its end. */
  skipValue(at: number): number {
    const body = this.#body;
    if (at >= this.#limit) return -1;
    if (body[at] === quote) return this.#skipString(at);
    // Setting one bit makes `[` and `{` the same byte, and `]` and `}`.
    if ((body[at]! | 0x20) === openBrace) return this.#skipNested(at);
    const start = at;
    const limit = this.#limitOutside(at);
    while (at < limit && isScalar(body[at]!)) at++;
    this.#allowOutside(start, at);
    return at === limit && at < this.#end ? -1 : at;
  }

  #skipNested(at: number): number {
    const body = this.#body;
    let depth = 0;
    for (;;) {
      // A loop of its own between two strings: with calls in it, it would take twice as long.
      const start = at;
      const limit = this.#limitOutside(at);
      while (at < limit) {
        const byte = body[at]!;
        if (byte === quote) break;
        at++;
        if ((byte | 0x20) === openBrace) depth++;
        else if ((byte | 0x20) === closeBrace && --depth === 0) break;
      }
      this.#allowOutside(start, at);
      if (depth === 0) return at;
      const end = at < limit ? this.#skipString(at) : -1;
      if (end < 0) return -1;
      if (this.#sought.length > 0) this.#considerKey(at, end);
      at = end;
    }
  }

  /** The end of the string whose opening quote is here; -1 when reading stopped before it. */
  #skipString(at: number): number {
    const body = this.#body;
    at++;
    this.#allow(-bytesPerString);
    while (at < this.#limit) {
      const near = Math.min(this.#limit, at + shortString);
      while (at < near) {
        const byte = body[at]!;
        if (byte === quote) return at + 1;
        at += byte === backslash ? 2 : 1;
      }
      if (at >= this.#limit) return -1;
      const found = body.indexOf(quote, at);
      if (found < 0 || found >= this.#end) return -1;
      this.#allow(found - at - bytesPerString);
      const backslashes = this.#backslashesBefore(found, at);
      if (backslashes < 0) return -1;
      if (backslashes % 2 === 0) return found + 1;
      at = found + 1;
    }
    return -1;
  }

  /** How many are there in front of a quote, from `start` on; -1 when reading stopped before that was known. */
  #backslashesBefore(at: number, start: number): number {
    const body = this.#body;
    const first = Math.max(start, at - Math.max(0, (this.#allowance - at) >> 1));
    let run = at;
    while (run > first && body[run - 1] === backslash) run--;
    this.#allow(2 * (run - at));
    return run === first && first > start ? -1 : at - run;
  }

  /** Where something else than white space comes, or reading stops. */
  skipSpace(at: number): number {
    const body = this.#body;
    const start = at;
    const limit = this.#limitOutside(at);
    while (at < limit && isSpace(body[at])) at++;
    if (at > start) this.#allowOutside(start, at);
    return at;
  }

  /** Takes the string behind a sought key. */
  #considerKey(start: number, end: number): void {
    for (const each of this.#sought) {
      if (!isKey(this.#body, start, end, each.wanted.key)) continue;
      const value = this.#stringBehind(end);
      if (value !== undefined && each.wanted.accepts(value)) this.#strings.set(each.wanted.key, value);
      else if (++each.hits < maxHits) return;
      this.#sought = this.#sought.filter((other) => other !== each);
      return;
    }
  }

  #stringBehind(keyEnd: number): string | undefined {
    const body = this.#body;
    const colonAt = this.skipSpace(keyEnd);
    if (body[colonAt] !== colon) return undefined;
    const open = this.skipSpace(colonAt + 1);
    const close = body[open] === quote ? this.#skipString(open) : -1;
    return close < 0 ? undefined : body.toString("latin1", open + 1, close - 1);
  }

  /** How far may be looked from here on where no string is. */
  #limitOutside(at: number): number {
    return Math.min(this.#end, at + Math.ceil((this.#allowance - at) / outsideCost));
  }

  /** For bytes outside of strings, which have been looked at. */
  #allowOutside(start: number, end: number): void {
    this.#allow((1 - outsideCost) * (end - start));
  }

  #allow(bytes: number): void {
    this.#allowance += bytes;
    this.#limit = Math.min(this.#end, this.#allowance);
  }

  /** The work became too much, rather than that the bytes ended. */
  get #isStopped(): boolean {
    return this.#limit < this.#end;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** What numbers, `true`, `false` and `null` are made of. */
function isScalar(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x2b ||
    byte === 0x45
  );
}
