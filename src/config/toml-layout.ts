// Finds the positions of keys and values in a TOML text. smol-toml gives the data but no positions; naming the line of a wrong value
// and editing one value in place need them. Reads text that smol-toml has accepted; on any other it ends too, with nonsense.

import { parse } from "smol-toml";
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

/** The sections in the order of the text; the first is the one without a header. */
export function readLayout(text: string): Section[] {
  return new Scanner(text).sections();
}

// No key of ours is deeper. Resolving a path costs its length squared, and a hostile file may hold one of a megabyte.
const deepestPath = 16;

class Scanner {
  readonly #text: string;
  #at = 0;
  /** Last position in each array of tables, by its path. */
  readonly #positions = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
  }

  sections(): Section[] {
    let current: Section = { header: undefined, path: [], pairs: [] };
    const sections = [current];
    if (this.#text.startsWith("\ufeff")) this.#at = 1;
    for (this.#skipBlank(); this.#at < this.#text.length; this.#skipBlank()) {
      if (this.#here() === "[") {
        current = this.#section();
        sections.push(current);
      } else {
        current.pairs.push(this.#pair());
      }
    }
    return sections;
  }

  #section(): Section {
    const start = this.#at;
    const isArray = this.#text.startsWith("[[", start);
    this.#at += isArray ? 2 : 1;
    const name = this.#key("]");
    this.#at += isArray ? 2 : 1;
    return { header: { start, end: this.#at }, path: this.#resolve(name, isArray), pairs: [] };
  }

  #resolve(name: string[], isArray: boolean): KeyPath {
    const parts = name.slice(0, deepestPath);
    const path: (string | number)[] = [];
    parts.forEach((part, depth) => {
      path.push(part);
      const id = JSON.stringify(path);
      if (isArray && depth === parts.length - 1) {
        this.#positions.set(id, (this.#positions.get(id) ?? -1) + 1);
      }
      const position = this.#positions.get(id);
      if (position !== undefined) path.push(position);
    });
    return path;
  }

  #pair(): PairNode {
    const start = this.#at;
    const key = this.#key("=");
    this.#at += 1;
    this.#skipSpaces();
    const value = this.#value();
    return { start, end: value.end, key, value, comma: undefined };
  }

  /** Reads a key and stops at `end`, at a line break or at the end of the text. */
  #key(end: "=" | "]"): string[] {
    const parts: string[] = [];
    while (this.#at < this.#text.length) {
      const here = this.#here();
      if (here === end || here === "\n") break;
      if (here === '"' || here === "'") {
        const start = this.#at;
        this.#skipString();
        parts.push(readString(this.#text.slice(start, this.#at)));
        continue;
      }
      const bare = this.#match(/[A-Za-z0-9_-]+/y);
      if (bare === undefined) this.#at += 1;
      else parts.push(bare);
    }
    return parts;
  }

  #value(): ValueNode {
    const start = this.#at;
    const node: ValueNode = { kind: "scalar", start, end: start, items: [], pairs: [] };
    const here = this.#here();
    if (here === "[") {
      node.kind = "array";
      this.#list("]", () => keep(node.items, this.#item()));
    } else if (here === "{") {
      node.kind = "table";
      this.#list("}", () => keep(node.pairs, this.#pair()));
    } else if (here === '"' || here === "'") {
      this.#skipString();
    } else {
      this.#skipPlain();
    }
    node.end = this.#at;
    return node;
  }

  #item(): ItemNode {
    const value = this.#value();
    return { start: value.start, end: value.end, value, comma: undefined };
  }

  #list(close: "]" | "}", read: () => ItemNode): void {
    this.#at += 1;
    for (this.#skipBlank(); this.#at < this.#text.length; this.#skipBlank()) {
      if (this.#here() === close) {
        this.#at += 1;
        return;
      }
      const before = this.#at;
      const item = read();
      this.#skipBlank();
      if (this.#here() === ",") {
        item.comma = this.#at;
        this.#at += 1;
      } else if (this.#at === before) {
        // Cannot happen in valid text; anywhere else it would go round for ever.
        this.#at += 1;
      }
    }
  }

  #skipString(): void {
    const quote = this.#here();
    const isMultiline = this.#text.startsWith(quote.repeat(3), this.#at);
    const delimiter = isMultiline ? quote.repeat(3) : quote;
    this.#at += delimiter.length;
    while (this.#at < this.#text.length && !this.#text.startsWith(delimiter, this.#at)) {
      this.#at += quote === '"' && this.#here() === "\\" ? 2 : 1;
    }
    this.#at += delimiter.length;
    // Up to two quotes right before the closing ones belong to the string (TOML 1.0, multi-line strings).
    for (let extra = 0; isMultiline && extra < 2 && this.#here() === quote; extra++) this.#at += 1;
  }

  /** Numbers, booleans and dates; a date may have a space inside. */
  #skipPlain(): void {
    const rest = /[,\]}#\r\n]/g;
    rest.lastIndex = this.#at;
    const end = rest.exec(this.#text)?.index ?? this.#text.length;
    this.#at += this.#text.slice(this.#at, end).trimEnd().length;
  }

  #skipSpaces(): void {
    this.#match(/[ \t]+/y);
  }

  /** White space, line breaks and comments. */
  #skipBlank(): void {
    while (this.#match(/[ \t\r\n]+|#[^\n]*/y) !== undefined);
  }

  #here(): string {
    return this.#text.charAt(this.#at);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}

function keep<T>(list: T[], element: T): T {
  list.push(element);
  return element;
}

function readString(quoted: string): string {
  return String(parse(`key = ${quoted}`).key);
}
