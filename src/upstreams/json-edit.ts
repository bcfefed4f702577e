// Changes single members of a JSON object in its bytes: everything else keeps its bytes, numbers beyond 2^53 included.

import type { Span } from "../json/json-scan.ts";

/** The bytes from `start` to `end` become `text`. */
export interface Edit extends Span {
  text: string;
}

/** Edits must not overlap; of two at one place the first in the list comes first. What stays is not copied. */
export function applyEdits(json: Buffer, edits: readonly Edit[]): Buffer[] {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const { start, end, text } of edits.toSorted((a, b) => a.start - b.start)) {
    pieces.push(json.subarray(from, start), Buffer.from(text));
    from = end;
  }
  pieces.push(json.subarray(from));
  return pieces;
}

/** The name of the member with this value becomes another one. The old name holds no quote. */
export function renameMember(json: Buffer, value: Span, name: string): Edit {
  return { ...keyBefore(json, value), text: JSON.stringify(name) };
}

/** The member with this value goes, together with one comma beside it. */
export function dropMember(json: Buffer, value: Span): Edit {
  const { start } = keyBefore(json, value);
  const end = skipBlanks(json, value.end);
  if (json[end] === comma) return { start, end: end + 1, text: "" };
  let before = start;
  while (isSpace(json[before - 1]) && before > start - maxBlanks) before--;
  return { start: json[before - 1] === comma ? before - 1 : start, end: value.end, text: "" };
}

/** A member more, as the object's first; `value` is JSON. */
export function addMember(object: readonly Buffer[], name: string, value: string): Buffer[] {
  const index = object.findIndex((piece) => piece.includes(openBrace));
  const piece = object[index];
  if (piece === undefined) return [...object];
  const open = piece.indexOf(openBrace) + 1;
  const rest = [piece.subarray(open), ...object.slice(index + 1)];
  const separator = firstByte(rest) === closeBrace ? "" : ",";
  const member = Buffer.from(`${JSON.stringify(name)}:${value}${separator}`);
  return [...object.slice(0, index), piece.subarray(0, open), member, ...rest];
}

/** The first that is no white space. */
function firstByte(pieces: readonly Buffer[]): number | undefined {
  for (const piece of pieces) {
    const at = skipBlanks(piece, 0);
    if (at < piece.length) return piece[at];
  }
  return undefined;
}

const quote = 0x22;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Only blanks and the colon are between a key and its value. */
function keyBefore(json: Buffer, value: Span): Span {
  const end = json.lastIndexOf(quote, value.start - 1) + 1;
  return { start: json.lastIndexOf(quote, end - 2), end };
}

/** Behind more of them the text is taken for what it is without. */
const maxBlanks = 64 * 1024;

function skipBlanks(json: Buffer, start: number): number {
  let at = start;
  while (isSpace(json[at]) && at < start + maxBlanks) at++;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
