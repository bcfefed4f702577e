// Finds the line of a value in a TOML text.

import type { KeyPath } from "./problem.ts";
import { type PairNode, readLayout, type ValueNode } from "./toml-layout.ts";

/** Returns a function giving the line (from 1) of a path, or of the nearest table around it when the path is not in the text. */
export function createLocator(text: string): (path: KeyPath) => number | undefined {
  const offsets = readOffsets(text);
  const breaks = findLineBreaks(text);
  return (path) => {
    for (let depth = path.length; depth > 0; depth--) {
      const offset = offsets.get(identify(path.slice(0, depth)));
      if (offset !== undefined) return countBelow(breaks, offset) + 1;
    }
    return undefined;
  };
}

// As in toml-layout.ts: no key of ours is deeper, and longer paths cost their length squared.
const deepestPath = 16;

function readOffsets(text: string): Map<string, number> {
  const offsets = new Map<string, number>();
  const note = (path: KeyPath, offset: number): void => {
    const id = identify(path);
    if (!offsets.has(id)) offsets.set(id, offset);
  };
  const noteAll = (base: KeyPath, added: KeyPath, offset: number): KeyPath => {
    const path = [...base, ...added].slice(0, deepestPath);
    for (let depth = Math.min(base.length, path.length - 1) + 1; depth <= path.length; depth++) {
      note(path.slice(0, depth), offset);
    }
    return path;
  };
  const visitPair = (base: KeyPath, pair: PairNode): void => {
    visitValue(noteAll(base, pair.key, pair.start), pair.value);
  };
  const visitValue = (path: KeyPath, value: ValueNode): void => {
    value.items.forEach((item, index) => {
      visitValue(noteAll(path, [index], item.start), item.value);
    });
    for (const pair of value.pairs) visitPair(path, pair);
  };

  for (const section of readLayout(text)) {
    if (section.header !== undefined) noteAll([], section.path, section.header.start);
    for (const pair of section.pairs) visitPair(section.path, pair);
  }
  return offsets;
}

function identify(path: KeyPath): string {
  return JSON.stringify(path);
}

function findLineBreaks(text: string): number[] {
  const breaks: number[] = [];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) breaks.push(at);
  return breaks;
}

/** How many of the ascending numbers are below the limit. */
function countBelow(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
