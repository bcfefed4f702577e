// Changes one thing in a TOML text and leaves every other byte as it is. Knows TOML, not our keys.
// Expects text that parses; the caller compares the data before and after.

import type { KeyPath } from "./problem.ts";
import {
  type ItemNode,
  type PairNode,
  readLayout,
  type Section,
  type Span,
  type ValueNode,
} from "./toml-layout.ts";

/** Puts another value, given as TOML, in the place of the one at the path. Undefined when there is none. */
export function replaceValue(text: string, path: KeyPath, value: string): string | undefined {
  const place = findPlace(readLayout(text), path);
  return place === undefined ? undefined : splice(text, place.node.value, value);
}

/** Adds `key = value` to the table at the path, in whichever way that table is written. Undefined when there is no such table. */
export function insertPair(text: string, table: KeyPath, pair: string): string | undefined {
  const sections = readLayout(text);
  const section = findSection(sections, table);
  if (section !== undefined) return insertLines(text, section, [pair]);
  const places = findPlaces(sections, table);
  const value = places.find(({ isWhole }) => isWhole)?.node.value;
  if (value !== undefined) return value.kind === "table" ? insertItem(text, value, pair) : undefined;
  // `proxy.host = …` in the account itself: the new key goes beside it in the same way.
  const last = table.at(-1);
  const isDotted = places.length > 0 && typeof last === "string";
  return isDotted ? insertPair(text, table.slice(0, -1), `${last}.${pair}`) : undefined;
}

/** Adds an element to the inline array at the path. Undefined when there is no inline array. */
export function insertElement(text: string, array: KeyPath, element: string): string | undefined {
  const value = findPlace(readLayout(text), array)?.node.value;
  return value?.kind === "array" ? insertItem(text, value, element) : undefined;
}

/** Adds lines behind the last pair of the section with this header. Undefined when there is no such section. */
export function insertBelow(text: string, table: KeyPath, lines: readonly string[]): string | undefined {
  const section = findSection(readLayout(text), table);
  return section === undefined ? undefined : insertLines(text, section, lines);
}

/** Adds lines at the end, after a blank line; with or without a final line break, as the text had it. */
export function appendLines(text: string, lines: readonly string[]): string {
  const eol = lineBreakOf(text);
  const added = lines.join(eol);
  if (/^\ufeff?\s*$/.test(text)) return `${text}${added}${eol}`;
  if (!text.endsWith("\n")) return `${text}${eol}${eol}${added}`;
  const hasBlankLine = /\n[ \t]*\r?\n$/.test(text);
  return `${text}${hasBlankLine ? "" : eol}${added}${eol}`;
}

/** Removes everything at and below the path: sections, lines or one element. Comments outside of sections stay. */
export function removeAt(text: string, path: KeyPath): string {
  // All sections by one reading: without its first one, the next element of an array of tables would be at the path.
  const blocks = findBlocks(readLayout(text), path);
  if (blocks.length > 0) return blocks.reduceRight(removeBlock, text);

  let result = text;
  for (let place = findPlaces(readLayout(text), path).at(-1); place !== undefined; ) {
    result = place.isLine ? removeLine(result, place.node) : removeItem(result, place);
    place = typeof path.at(-1) === "number" ? undefined : findPlaces(readLayout(result), path).at(-1);
  }
  return result;
}

interface Place {
  node: ItemNode;
  /** It and its siblings. */
  list: readonly ItemNode[];
  /** A pair on a line of its own, not an element of an inline array or table. */
  isLine: boolean;
  /** False for a dotted key that is only a part of what the path means. */
  isWhole: boolean;
}

function findPlace(sections: readonly Section[], path: KeyPath): Place | undefined {
  return findPlaces(sections, path).find(({ isWhole }) => isWhole);
}

/** Pairs and elements at the path, and pairs below it whose dotted keys lead through it. */
function findPlaces(sections: readonly Section[], path: KeyPath): Place[] {
  return sections.flatMap((section) => {
    const rest = below(section.path, path);
    return rest === undefined || rest.length === 0 ? [] : findPairs(section.pairs, { rest, isLine: true });
  });
}

function findPairs(
  pairs: readonly PairNode[],
  { rest, isLine }: { rest: KeyPath; isLine: boolean },
): Place[] {
  return pairs.flatMap((pair) => {
    if (below(rest, pair.key) !== undefined) {
      return [{ node: pair, list: pairs, isLine, isWhole: pair.key.length === rest.length }];
    }
    const inner = below(pair.key, rest);
    return inner === undefined ? [] : findInside(pair.value, inner);
  });
}

function findInside(value: ValueNode, rest: KeyPath): Place[] {
  const [first, ...others] = rest;
  if (typeof first !== "number") return findPairs(value.pairs, { rest, isLine: false });
  const node = value.items[first];
  if (node === undefined) return [];
  return others.length === 0
    ? [{ node, list: value.items, isLine: false, isWhole: true }]
    : findInside(node.value, others);
}

function findSection(sections: readonly Section[], path: KeyPath): Section | undefined {
  return sections.find((section) => section.header && below(path, section.path)?.length === 0);
}

/** What of `path` is left below `base`; undefined when it does not lead through it. */
function below(base: KeyPath, path: KeyPath): KeyPath | undefined {
  return base.every((part, depth) => part === path[depth]) ? path.slice(base.length) : undefined;
}

function insertLines(text: string, section: Section, lines: readonly string[]): string {
  const anchor = section.pairs.at(-1) ?? section.header!;
  const eol = lineBreakOf(text);
  const indent = indentAt(text, anchor.start);
  const added = lines.map((line) => `${eol}${line === "" ? "" : indent}${line}`).join("");
  return insert(text, lineEnd(text, anchor.end), added);
}

function insertItem(text: string, container: ValueNode, added: string): string {
  const list = container.kind === "table" ? container.pairs : container.items;
  const last = list.at(-1);
  if (last === undefined) {
    const inside = { start: container.start + 1, end: container.end - 1 };
    if (text.slice(inside.start, inside.end).trim() !== "") return insert(text, inside.start, added);
    return splice(text, inside, container.kind === "table" ? ` ${added} ` : added);
  }
  const behind = (last.comma ?? last.end - 1) + 1;
  const end = lineEnd(text, behind);
  const hasOwnLine = isBlank(text.slice(lineStart(text, last.start), last.start));
  // A comment behind the last element speaks of that element: the new one goes to the next line.
  if (!hasOwnLine || !/^[ \t]*(?:#|$)/.test(text.slice(behind, end)))
    return insert(text, last.end, `, ${added}`);
  const line = `${lineBreakOf(text)}${indentAt(text, last.start)}${added}${last.comma === undefined ? "" : ","}`;
  const withLine = insert(text, end, line);
  return last.comma === undefined ? insert(withLine, last.end, ",") : withLine;
}

function removeItem(text: string, { node, list }: Place): string {
  if (node.comma !== undefined) return remove(text, { start: node.start, end: node.comma + 1 });
  const comma = list[list.indexOf(node) - 1]?.comma;
  if (comma === undefined) return remove(text, node);
  // The last element takes the comma before it along: TOML 1.0 allows none before the } of a table.
  if (isBlank(text.slice(comma + 1, node.start))) return splice(text, { start: comma, end: node.end }, "");
  return splice(remove(text, node), { start: comma, end: comma + 1 }, "");
}

/** Removes a part of a line with the white space behind it, or the whole line when nothing else is on it. */
function remove(text: string, span: Span): string {
  const start = lineStart(text, span.start);
  const end = lineEnd(text, span.end);
  const isAlone = isBlank(text.slice(start, span.start)) && isBlank(text.slice(span.end, end));
  if (isAlone && end < text.length) return splice(text, { start, end: text.indexOf("\n", end) + 1 }, "");
  const spaces = /^[ \t]*/.exec(text.slice(span.end, end))?.[0].length ?? 0;
  return splice(text, { start: span.start, end: span.end + spaces }, "");
}

function removeLine(text: string, span: Span): string {
  const start = lineStart(text, span.start);
  const end = lineEnd(text, span.end);
  if (end < text.length) return splice(text, { start, end: text.indexOf("\n", end) + 1 }, "");
  return trimLineBreaks(text.slice(0, start), 1);
}

/** The sections at and below the path, from header to last pair; those that follow each other as one, with the comments between them. */
function findBlocks(sections: readonly Section[], path: KeyPath): Span[] {
  const blocks: Span[] = [];
  let open: Span | undefined;
  for (const section of sections) {
    if (section.header === undefined || below(path, section.path) === undefined) {
      open = undefined;
      continue;
    }
    const { end } = section.pairs.at(-1) ?? section.header;
    if (open === undefined) {
      open = { start: section.header.start, end };
      blocks.push(open);
    } else {
      open.end = end;
    }
  }
  return blocks;
}

function removeBlock(text: string, block: Span): string {
  const start = lineStart(text, block.start);
  const rest = text.slice(lineEnd(text, block.end));
  // At the end of the file the blank lines before the block go with it, elsewhere those behind it.
  if (isBlank(rest)) return trimLineBreaks(text.slice(0, start), Number.POSITIVE_INFINITY) + rest;
  return text.slice(0, start) + rest.replace(/^\r?\n(?:[ \t]*\r?\n)*/, "");
}

/** Without up to `max` line breaks at the end, and the blank lines between them. */
function trimLineBreaks(text: string, max: number): string {
  let result = text;
  for (let count = 0; count < max; count++) {
    const shorter = result.replace(/\r?\n[ \t]*$/, "");
    if (shorter === result) break;
    result = shorter;
  }
  return result;
}

function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text);
}

function lineBreakOf(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? "\n";
}

function indentAt(text: string, at: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, at), at))?.[0] ?? "";
}

/** A byte order mark is no part of the first line. */
function lineStart(text: string, at: number): number {
  const first = text.startsWith("\ufeff") ? 1 : 0;
  return Math.max(text.lastIndexOf("\n", at - 1) + 1, first);
}

/** Where the line's break begins, or the text ends. */
function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  if (end === -1) return text.length;
  return text[end - 1] === "\r" && end > at ? end - 1 : end;
}

function insert(text: string, at: number, added: string): string {
  return splice(text, { start: at, end: at }, added);
}

function splice(text: string, span: Span, replacement: string): string {
  return text.slice(0, span.start) + replacement + text.slice(span.end);
}
