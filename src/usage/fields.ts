// The figures that providers report, narrowed from JSON values that may be anything.

import { readSpan, type Span } from "../json/json-scan.ts";
import { fieldOf } from "../json/json-values.ts";
import type { TokenCounts } from "./observer.ts";

/** A number of tokens or the like; undefined for anything that cannot be one. */
export function figureOf(value: unknown, name: string): number | undefined {
  return asFigure(fieldOf(value, name));
}

/** The same out of JSON's bytes: some streams carry figures in every event, and parsing them all costs most of the reading. */
export function figureAt(json: Buffer, span: Span | undefined): number | undefined {
  if (!span) return undefined;
  let figure = 0;
  for (let at = span.start; at < span.end; at++) {
    const digit = json[at]! - 0x30;
    if (digit < 0 || digit > 9 || at - span.start > 12) return asFigure(readSpan(json, span));
    figure = figure * 10 + digit;
  }
  return figure;
}

/** The counts of an API that counts cached and cache-written tokens into the input. */
export function countsOf(figures: {
  input: number | undefined;
  output: number | undefined;
  cacheRead: number | undefined;
  cacheWrite: number | undefined;
  reasoning: number | undefined;
}): TokenCounts {
  const { input = 0, output = 0, cacheRead = 0, cacheWrite = 0, reasoning = 0 } = figures;
  return {
    input: Math.max(0, input - cacheRead - cacheWrite),
    output,
    cacheWrite5m: cacheWrite,
    cacheWrite1h: 0,
    cacheRead,
    reasoning,
  };
}

function asFigure(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
