// Finds the positions of keys and values in a TOML text. smol-toml gives the data but no positions; naming the line of a wrong value
// and editing one value in place need them. toml-eslint-parser has them: it is loaded when the first of the two is asked for.

import { createRequire } from "node:module";
import type { AST } from "toml-eslint-parser";
import type { KeyPath } from "./problem.ts";

/** Offsets into the text; `end` is the first one behind. */
export interface Span {
  start: number;
  end: number;
}

export interface ValueNode extends Span {
  kind: "scalar" | "array" | "table";
  /** Of an array. */
  items: ItemNode[];
  /** Of an inline table. */
  pairs: PairNode[];
}

/** One element of an inline array or table. */
export interface ItemNode extends Span {
  value: ValueNode;
  /** The position of the comma after it; undefined when there is none. */
  comma: number | undefined;
}

/** `key = value`, from the first letter of the key to the last of the value. */
export interface PairNode extends ItemNode {
  /** More than one part when the key is dotted. */
  key: string[];
}

export interface Section {
  /** `[name]` or `[[name]]`; undefined for the pairs before the first one. */
  header: Span | undefined;
  /** Where its pairs belong in the data: an array of tables is resolved to its position. */
  path: KeyPath;
  pairs: PairNode[];
}

/** The sections in the order of the text; the first is the one without a header. Empty for a text that the parser cannot read. */
export function readLayout(text: string): Section[] {
  const program = parse(text);
  if (program === undefined) return [];
  const commas = findCommas(program);
  const sections: Section[] = [{ header: undefined, path: [], pairs: [] }];
  for (const node of program.body[0].body) {
    if (node.type === "TOMLTable") sections.push(sectionOf(node, { text, commas }));
    else sections[0]!.pairs.push(pairNode(node, commas));
  }
  return sections;
}

// No key of ours is deeper. Comparing paths costs their length squared, and a hostile file may hold one of a megabyte.
const deepestPath = 16;

/** By the end of what is before it. */
type Commas = ReadonlyMap<number, number>;

/** Undefined for what only smol-toml takes, and for values too large for a parser by recursion: then no line is named, and no edit made. */
function parse(text: string): AST.TOMLProgram | undefined {
  const { parseTOML } = createRequire(import.meta.url)(
    "toml-eslint-parser",
  ) as typeof import("toml-eslint-parser");
  try {
    // It does not know a byte order mark; a blank in its place keeps the positions.
    return parseTOML(text.replace(/^\ufeff/, " "), { tomlVersion: "1.1" });
  } catch {
    return undefined;
  }
}

function findCommas({ tokens }: AST.TOMLProgram): Commas {
  const commas = new Map<number, number>();
  tokens.forEach(({ value, type, range }, index) => {
    if (type === "Punctuator" && value === ",") commas.set(tokens[index - 1]!.range[1], range[0]);
  });
  return commas;
}

function sectionOf(
  { kind, key, range, resolvedKey, body }: AST.TOMLTable,
  { text, commas }: { text: string; commas: Commas },
): Section {
  const brackets = kind === "array" ? "]]" : "]";
  const end = text.indexOf(brackets, key.range[1]) + brackets.length;
  return {
    header: { start: range[0], end },
    path: resolvedKey.slice(0, deepestPath),
    pairs: body.map((pair) => pairNode(pair, commas)),
  };
}

function pairNode({ key, value, range }: AST.TOMLKeyValue, commas: Commas): PairNode {
  const parts = key.keys.map((part) => (part.type === "TOMLBare" ? part.name : part.value));
  return { ...spanOf(range), key: parts, value: valueNode(value, commas), comma: commas.get(range[1]) };
}

function valueNode(node: AST.TOMLContentNode, commas: Commas): ValueNode {
  const span = spanOf(node.range);
  switch (node.type) {
    case "TOMLArray": {
      const items = node.elements.map((element) => ({
        ...spanOf(element.range),
        value: valueNode(element, commas),
        comma: commas.get(element.range[1]),
      }));
      return { ...span, kind: "array", items, pairs: [] };
    }
    case "TOMLInlineTable":
      return { ...span, kind: "table", items: [], pairs: node.body.map((pair) => pairNode(pair, commas)) };
    case "TOMLValue":
      return { ...span, kind: "scalar", items: [], pairs: [] };
  }
}

function spanOf([start, end]: AST.Range): Span {
  return { start, end };
}
