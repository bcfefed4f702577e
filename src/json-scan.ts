// Reads single members out of a JSON object's bytes without parsing the rest: parsing a long conversation costs more
// than relaying it, and every other stream stands still meanwhile.
//
// For every valid document the result is what JSON.parse would give. Bytes that are not JSON are found out only where
// they disturb the reading; the provider classifies the rest.

/** Where a value stands: the first byte and the one behind the last. Offsets are of the buffer that was scanned. */
export interface Span {
  start: number;
  end: number;
}

/** The wanted members that the object has, by name. */
export type Members = ReadonlyMap<string, Span>;

/**
 * The spans of an object's own members with these names; of a repeated name the last, as JSON.parse takes it.
 * Undefined when the bytes are no JSON object. To look into a member, scan `body.subarray(span.start, span.end)`.
 *
 * A large body is read from both ends, since clients put the conversation in the middle: a few kilobytes forward, a few
 * backward, and native searches then rule out the wanted names in between. Asking for a large member itself, or for
 * a name that occurs as a key inside of it, costs a scan of most bytes, so ask for such names only when needed.
 */
export function scanMembers(body: Buffer, names: readonly string[]): Members | undefined {
  const open = skipSpace(body, 0, body.length);
  if (body[open] !== openBrace) return undefined;
  if (body.length - open > wholeBelow && names.every(isPlain)) {
    const members = scanEnds(body, open, names);
    if (members) return members;
  }
  const whole = readForward(body, open, names, body.length);
  return whole.outcome === "whole" ? whole.members : undefined;
}

/** The text of a string value; undefined for any other value or none. */
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

/** JSON.parse of one value; undefined when there is none or it is no JSON. */
export function readSpan(body: Buffer, span: Span | undefined): unknown {
  if (!span) return undefined;
  try {
    return JSON.parse(body.toString("utf8", span.start, span.end));
  } catch {
    return undefined;
  }
}

/** The elements of an array value one after another; whoever stops asking leaves the rest unread. Empty for other values. */
export function* firstElements(body: Buffer, span: Span | undefined): Generator<Span, void> {
  if (!span || body[span.start] !== openBracket) return;
  let at = skipSpace(body, span.start + 1, span.end);
  while (at < span.end && body[at] !== closeBracket) {
    const end = skipValue(body, at, span.end);
    if (end <= at) return;
    yield { start: at, end };
    at = skipSpace(body, end, span.end);
    if (body[at] !== comma) return;
    at = skipSpace(body, at + 1, span.end);
  }
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Up to here one pass from front to back is the cheapest. */
const wholeBelow = 8 * 1024;
/** How far the ends of a large body are read before the middle is searched. */
const headBytes = 2 * 1024;
const tailBytes = 4 * 1024;
/** For needles longer than this Node chooses another search, which was measured to be three times as slow here. */
const leapBytes = 7;
/** To look at more places than this would cost as much as reading everything. */
const maxHits = 1000;
/** Within so many bytes a loop finds a quote faster than a call into native code. */
const shortString = 48;

/** A name that can stand in a document in two ways only: as it is, or with letters written as `\u00XX`. */
function isPlain(name: string): boolean {
  return /^[\w.-]+$/.test(name);
}

/** Undefined when the bytes do not read as JSON from both ends. */
function scanEnds(body: Buffer, open: number, names: readonly string[]): Members | undefined {
  const head = readForward(body, open, names, open + headBytes);
  if (head.outcome === "whole") return head.members;
  if (head.outcome === "invalid") return undefined;

  const tail = startAtEnd(body, open, names);
  if (!tail || !readBackward(body, tail, { until: head.at, floor: body.length - tailBytes }))
    return undefined;

  // Of repeated names the last counts, so what the tail has is settled whatever stands before it.
  const unsettled = names.filter((name) => !tail.members.has(name));
  if (unsettled.length > 0 && tail.from > head.at) {
    const middle = body.subarray(head.at, tail.from);
    const hit = head.cutIn && unsettled.includes(head.cutIn) ? 0 : firstHit(middle, unsettled);
    // From a hit on there may be more of them: every member from there to the end has to be read.
    if (hit !== undefined && !readBackward(body, tail, { until: head.at + hit, floor: open }))
      return undefined;
  }
  for (const [name, span] of head.members) if (!tail.members.has(name)) tail.members.set(name, span);
  return tail.members;
}

interface Forward {
  /** `cut`: the limit came before the object's end. */
  outcome: "whole" | "cut" | "invalid";
  members: Map<string, Span>;
  /** When cut: where the unread part begins, which is a member, or the value of `cutIn`. */
  at: number;
  /** The wanted name whose value the limit cut. */
  cutIn: string | undefined;
}

function readForward(body: Buffer, open: number, names: readonly string[], limit: number): Forward {
  const members = new Map<string, Span>();
  const stop = (at: number, cutIn?: string): Forward => ({
    outcome: limit < body.length ? "cut" : "invalid",
    members,
    at,
    cutIn,
  });
  const invalid: Forward = { outcome: "invalid", members, at: open, cutIn: undefined };

  let at = skipSpace(body, open + 1, limit);
  for (let first = true; ; first = false) {
    if (at >= limit) return stop(at);
    if (body[at] === closeBrace && first) break;
    if (body[at] !== quote) return invalid;
    const keyEnd = skipString(body, at, limit);
    if (keyEnd < 0) return stop(at);
    const colonAt = skipSpace(body, keyEnd, limit);
    if (colonAt >= limit) return stop(at);
    if (body[colonAt] !== colon) return invalid;
    const start = skipSpace(body, colonAt + 1, limit);
    const name = wantedName(body, at, keyEnd, names);
    const end = skipValue(body, start, limit);
    // A number that touches the limit may go on behind it.
    if (end < 0 || end === limit) return stop(start, name);
    if (end === start) return invalid;
    if (name !== undefined) members.set(name, { start, end });
    at = skipSpace(body, end, limit);
    if (at >= limit) return stop(at);
    if (body[at] === closeBrace) break;
    if (body[at] !== comma) return invalid;
    at = skipSpace(body, at + 1, limit);
  }
  return skipSpace(body, at + 1, body.length) === body.length
    ? { outcome: "whole", members, at, cutIn: undefined }
    : invalid;
}

/** What has been read from the end backward. */
interface Backward {
  /** Where the object begins. */
  open: number;
  names: readonly string[];
  members: Map<string, Span>;
  /** Everything from here to the end is read; the closing brace, then the earliest key read. */
  from: number;
}

function startAtEnd(body: Buffer, open: number, names: readonly string[]): Backward | undefined {
  const close = skipSpaceBack(body, body.length, open);
  if (body[close - 1] !== closeBrace) return undefined;
  return { open, names, members: new Map(), from: close - 1 };
}

/**
 * Reads members until `until` is reached or the value next in line would go below `floor`. Backward reading is exact for
 * valid JSON: outside of a string a quote closes one, and inside of a string every quote has an odd number of backslashes
 * before it. False when the bytes are not valid.
 */
function readBackward(body: Buffer, tail: Backward, limits: { until: number; floor: number }): boolean {
  const { until, floor } = limits;
  while (tail.from > until) {
    let end = skipSpaceBack(body, tail.from, floor);
    if (end <= floor) return true;
    if (body[tail.from] === quote) {
      // Before a key stands the comma behind an earlier member, or the brace that opens the object.
      if (end - 1 === tail.open) {
        tail.from = tail.open;
        return true;
      }
      if (body[end - 1] !== comma) return false;
      end = skipSpaceBack(body, end - 1, floor);
    } else if (end - 1 === tail.open) {
      tail.from = tail.open;
      return true;
    }
    const start = skipValueBack(body, end, floor);
    if (start < 0) return floor > tail.open;
    const colonEnd = skipSpaceBack(body, start, floor);
    if (colonEnd <= floor) return floor > tail.open;
    if (body[colonEnd - 1] !== colon) return false;
    const keyEnd = skipSpaceBack(body, colonEnd - 1, floor);
    if (keyEnd <= floor) return floor > tail.open;
    if (body[keyEnd - 1] !== quote) return false;
    const key = skipStringBack(body, keyEnd, floor);
    if (key < 0) return floor > tail.open;
    const name = wantedName(body, key, keyEnd, tail.names);
    if (name !== undefined && !tail.members.has(name)) tail.members.set(name, { start, end });
    tail.from = key;
  }
  return true;
}

/** Offset of the first place in the unread middle where one of the names may stand as a key; undefined when none does. */
function firstHit(middle: Buffer, names: readonly string[]): number | undefined {
  const counts = sampleBytes(middle);
  const letters = new Set(names.flatMap((name) => [...name]));
  let first = findFirst(middle, "\\u00", counts, (at) =>
    letters.has(String.fromCharCode(Number.parseInt(middle.toString("latin1", at + 4, at + 6), 16))),
  );
  for (const name of names) {
    const hit = findFirst(middle, `"${name}"`, counts, (at) => {
      return middle[skipSpace(middle, at + name.length + 2, middle.length)] === colon;
    });
    if (hit !== undefined && (first === undefined || hit < first)) first = hit;
  }
  return first;
}

/** How often each byte stands at some hundred places spread evenly. */
function sampleBytes(bytes: Buffer): Uint16Array {
  const counts = new Uint16Array(256);
  const step = Math.max(1, bytes.length >> 9);
  for (let at = 0; at < bytes.length; at += step) counts[bytes[at]!]!++;
  return counts;
}

/**
 * The lowest accepted place of `needle`. A native search leaps to the next place of the first byte it looks for, or of
 * the last when it runs backward, and a quote or a backslash can be one byte in fifteen. So it looks for the part of
 * the needle that begins, or ends, with the rarest byte: a factor of five on source code.
 */
function findFirst(
  bytes: Buffer,
  needle: string,
  counts: Uint16Array,
  accept: (at: number) => boolean,
): number | undefined {
  let rarest = 0;
  for (let i = 1; i < needle.length; i++) {
    if (counts[needle.charCodeAt(i)]! < counts[needle.charCodeAt(rarest)]!) rarest = i;
  }
  const backward = rarest >= needle.length / 2;
  const offset = backward ? Math.max(0, rarest + 1 - leapBytes) : rarest;
  const part = Buffer.from(
    backward ? needle.slice(offset, rarest + 1) : needle.slice(offset, offset + leapBytes),
  );

  let lowest: number | undefined;
  let from = backward ? bytes.length : 0;
  for (let hits = 0; hits < maxHits; hits++) {
    const found = backward ? bytes.lastIndexOf(part, from) : bytes.indexOf(part, from);
    if (found < 0) return lowest;
    const at = found - offset;
    if (isWritten(bytes, at, needle) && accept(at)) {
      lowest = at;
      if (!backward) return lowest;
    }
    if (backward && found === 0) return lowest;
    from = backward ? found - 1 : found + 1;
  }
  return 0;
}

/** The wanted name that the key at this place is. Keys may be written with escapes. */
function wantedName(body: Buffer, start: number, end: number, names: readonly string[]): string | undefined {
  for (const name of names) {
    if (name.length !== end - start - 2 || !isWritten(body, start + 1, name)) continue;
    if (!name.includes("\\")) return name;
  }
  for (let at = start + 1; at < end - 1; at++) {
    if (body[at] === backslash || body[at]! >= 0x80) {
      const key = readSpan(body, { start, end });
      return names.find((name) => name === key);
    }
  }
  return undefined;
}

/** Whether these characters stand here byte for byte; false for any beyond ASCII. */
function isWritten(body: Buffer, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (body[at + i] !== code || code >= 0x80) return false;
  }
  return true;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function skipSpace(body: Buffer, at: number, limit: number): number {
  while (at < limit && isSpace(body[at])) at++;
  return at;
}

function skipSpaceBack(body: Buffer, end: number, floor: number): number {
  while (end > floor && isSpace(body[end - 1])) end--;
  return end;
}

/** The end of the value that starts here; `at` itself when none does, -1 when the limit comes before its end. */
function skipValue(body: Buffer, at: number, limit: number): number {
  if (at >= limit) return -1;
  if (body[at] === quote) return skipString(body, at, limit);
  // Setting one bit makes `[` and `{` the same byte, and `]` and `}`.
  if ((body[at]! | 0x20) !== openBrace) {
    while (at < limit && isScalar(body[at]!)) at++;
    return at;
  }
  let depth = 0;
  while (at < limit) {
    const byte = body[at]!;
    if (byte === quote) {
      at = skipString(body, at, limit);
      if (at < 0) return -1;
      continue;
    }
    at++;
    if ((byte | 0x20) === openBrace) depth++;
    else if ((byte | 0x20) === closeBrace && --depth === 0) return at;
  }
  return -1;
}

/** The start of the value that ends here; -1 when none does or it starts below the floor. */
function skipValueBack(body: Buffer, end: number, floor: number): number {
  let at = end - 1;
  if (at < floor) return -1;
  if (body[at] === quote) return skipStringBack(body, end, floor);
  if ((body[at]! | 0x20) !== closeBrace) {
    while (at >= floor && isScalar(body[at]!)) at--;
    return at < floor || at === end - 1 ? -1 : at + 1;
  }
  let depth = 0;
  while (at >= floor) {
    const byte = body[at]!;
    if (byte === quote) {
      at = skipStringBack(body, at + 1, floor) - 1;
      if (at < -1) return -1;
      continue;
    }
    if ((byte | 0x20) === closeBrace) depth++;
    else if ((byte | 0x20) === openBrace && --depth === 0) return at;
    at--;
  }
  return -1;
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

/** The end of the string whose opening quote stands here; -1 when the limit comes first. */
function skipString(body: Buffer, at: number, limit: number): number {
  at++;
  while (at < limit) {
    const near = Math.min(limit, at + shortString);
    while (at < near) {
      const byte = body[at]!;
      if (byte === quote) return at + 1;
      at += byte === backslash ? 2 : 1;
    }
    if (at >= limit) return -1;
    const found = body.indexOf(quote, at);
    if (found < 0 || found >= limit) return -1;
    if (isClosing(body, found, at)) return found + 1;
    at = found + 1;
  }
  return -1;
}

/** The opening quote of the string whose closing quote stands before `end`; -1 when it lies below the floor. */
function skipStringBack(body: Buffer, end: number, floor: number): number {
  let at = end - 2;
  while (at >= floor) {
    const near = Math.max(floor, at - shortString);
    while (at >= near && body[at] !== quote) at--;
    if (at < near) {
      if (at < floor) return -1;
      at = body.lastIndexOf(quote, at);
      if (at < floor) return -1;
    }
    if (isClosing(body, at, 0)) return at;
    at--;
  }
  return -1;
}

/** Whether the quote stands behind an even number of backslashes, of those from `start` on. */
function isClosing(body: Buffer, at: number, start: number): boolean {
  let run = at;
  while (run > start && body[run - 1] === backslash) run--;
  return (at - run) % 2 === 0;
}
