// The figures that providers report, narrowed from JSON values that may be anything.

import { readSpan, type Span } from "../json/json-scan.ts";
import { fieldOf } from "../json/json-values.ts";

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

function asFigure(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
