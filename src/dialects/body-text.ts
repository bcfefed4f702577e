// Reads texts and ids out of a request's bytes without parsing the whole of it: see json-scan.ts for why.

import { createHash } from "node:crypto";
import {
  firstElements,
  type Members,
  membersAt,
  readString,
  type ScannedObject,
  type SoughtKey,
  type Span,
  scanObject,
  stringAt,
} from "../json/json-scan.ts";

const noMembers: Members = new Map();

/** Longer strings are distinguished by their length and a hash of their beginning and end, instead of being parsed. */
const maxParsedBytes = 64 * 1024;
/** Only so many blocks of one message are read: what identifies a conversation is at the front. */
const maxBlocks = 64;

/** What one pass over the whole body finds; nothing in a body that is no object. */
export function scanBody(
  body: Buffer,
  names: readonly string[],
  sought: readonly SoughtKey[],
): ScannedObject {
  return scanObject(body, names, sought) ?? { members: noMembers, strings: new Map() };
}

/** The elements of an array; a single value in place of an array is its only element. */
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

/** The text of a string value, or its hash when it is long; undefined for other values. */
export function textAt(body: Buffer, span: Span | undefined): string | undefined {
  if (span === undefined || body[span.start] !== 0x22) return undefined;
  if (span.end - span.start > maxParsedBytes) return hashOfLong(body.subarray(span.start, span.end));
  return readString(body, span);
}

/**
 * The text of a message's content: a string, or blocks with `text` members. Everything else of a block is left out, above
 * all `cache_control`, which clients move from turn to turn. Content without any text (an image) is identified by its bytes.
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
      if (data !== undefined) others.push(hashOfLong(body.subarray(data.start, data.end)));
    }
  }
  return (texts.some((text) => text !== "") ? texts : others).join("\n");
}

const dataMembers = ["source", "content", "inlineData", "inline_data", "fileData", "image_url", "file_id"];
const textMembers = ["text", ...dataMembers];

/** To hash megabytes costs more than to relay them, and two conversations that differ in the middle alone are one at most for stickiness. */
function hashOfLong(bytes: Buffer): string {
  const hash = createHash("sha256");
  if (bytes.length <= maxParsedBytes) return hash.update(bytes).digest("base64url");
  const half = maxParsedBytes / 2;
  hash.update(bytes.subarray(0, half)).update(bytes.subarray(-half));
  return `${bytes.length}:${hash.digest("base64url")}`;
}

/**
 * The last element of an array of messages, without notes of the client's own after it; undefined where there is none. Claude Code 2.1.330
 * puts some behind a tool's result: "The user sent a new message while you were working" (seen).
 */
export function lastSaid(body: Buffer, array: Span | undefined): Span | undefined {
  if (array === undefined || body[array.start] !== 0x5b) return undefined;
  const isNote = (element: Span) => notes.has(stringAt(body, "role", element) ?? "");
  return [...firstElements(body, array)].findLast((element) => !isNote(element));
}

const notes: ReadonlySet<string> = new Set(["system", "developer"]);
