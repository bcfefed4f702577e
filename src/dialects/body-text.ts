// Reads texts and ids out of a request's bytes without parsing the whole of it: see json-scan.ts for why.

import { createHash } from "node:crypto";
import { firstElements, type Members, readString, type Span, scanMembers } from "../json-scan.ts";

const noMembers: Members = new Map();

/** Longer strings are told apart by a hash of their bytes instead of being parsed. */
const maxParsedBytes = 64 * 1024;
/** Only so many blocks of one message are read: what makes a conversation its own stands at the front. */
const maxBlocks = 64;
/** A key that occurs more often than this without an acceptable value is given up. */
const maxHits = 256;

/** The members of the object at a span, or of the whole body; empty for anything that is no object. Offsets count from the body's start. */
export function membersAt(body: Buffer, names: readonly string[], span?: Span): Members {
  if (span === undefined) return scanMembers(body, names) ?? noMembers;
  const found = scanMembers(body.subarray(span.start, span.end), names);
  if (found === undefined) return noMembers;
  const moved = new Map<string, Span>();
  for (const [name, { start, end }] of found)
    moved.set(name, { start: start + span.start, end: end + span.start });
  return moved;
}

/** The elements of an array; a single value that stands where an array may is its own only element. */
export function* elementsAt(body: Buffer, span: Span | undefined): Generator<Span, void> {
  if (span === undefined) return;
  if (body[span.start] !== 0x5b) {
    yield span;
    return;
  }
  let count = 0;
  for (const element of firstElements(body, span)) {
    if (++count > maxBlocks) return;
    yield element;
  }
}

/** The text of a string value, or what stands for it when it is long; undefined for other values. */
export function textAt(body: Buffer, span: Span | undefined): string | undefined {
  if (span === undefined || body[span.start] !== 0x22) return undefined;
  if (span.end - span.start > maxParsedBytes) return hashOf(body.subarray(span.start, span.end));
  return readString(body, span);
}

/**
 * The text of a message's content: a string, or blocks with `text` members. Everything else of a block is left out, above
 * all `cache_control`, which clients move from turn to turn. Content without any text (an image) is told by its bytes.
 */
export function contentText(
  body: Buffer,
  content: Span | undefined,
  skip?: (text: string) => boolean,
): string {
  const texts: string[] = [];
  const others: string[] = [];
  for (const block of elementsAt(body, content)) {
    const plain = textAt(body, block);
    const members = plain === undefined ? membersAt(body, textMembers, block) : noMembers;
    const text = plain ?? textAt(body, members.get("text"));
    if (text !== undefined) {
      if (skip?.(text) !== true) texts.push(text);
      continue;
    }
    for (const name of dataMembers) {
      const data = members.get(name);
      if (data !== undefined) others.push(hashOf(body.subarray(data.start, data.end)));
    }
  }
  return (texts.some((text) => text !== "") ? texts : others).join("\n");
}

const dataMembers = ["source", "content", "inlineData", "inline_data", "fileData", "image_url", "file_id"];
const textMembers = ["text", ...dataMembers];

/**
 * The first acceptable string under this key at any depth, as it stands between its quotes. A key inside a string cannot be
 * taken for one: there its quotes are escaped.
 */
export function firstStringUnder(
  body: Buffer,
  key: string,
  accept: (value: string) => boolean = () => true,
): string | undefined {
  const needle = Buffer.from(JSON.stringify(key));
  let from = 0;
  for (let hits = 0; hits < maxHits; hits++) {
    const at = body.indexOf(needle, from);
    if (at < 0) return undefined;
    from = at + needle.length;
    if (body[at - 1] === 0x5c) continue;
    const start = skipSpace(body, from);
    if (body[start] !== 0x3a) continue;
    const open = skipSpace(body, start + 1);
    if (body[open] !== 0x22) continue;
    const close = closingQuote(body, open + 1);
    if (close < 0) return undefined;
    const value = body.toString("latin1", open + 1, close);
    if (value !== "" && accept(value)) return value;
    from = close + 1;
  }
  return undefined;
}

function hashOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("base64url");
}

function skipSpace(body: Buffer, at: number): number {
  let next = at;
  while (body[next] === 0x20 || body[next] === 0x0a || body[next] === 0x0d || body[next] === 0x09) next++;
  return next;
}

function closingQuote(body: Buffer, from: number): number {
  for (let at = body.indexOf(0x22, from); at >= 0; at = body.indexOf(0x22, at + 1)) {
    let slashes = 0;
    while (body[at - 1 - slashes] === 0x5c) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}
