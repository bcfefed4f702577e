// Parses TOML text into plain data.

import { parse, TomlDate, TomlError } from "smol-toml";
import type { Problem } from "./problem.ts";

export type TomlResult =
  | { ok: true; data: Record<string, unknown> }
  /** `line` counts from 1. `reason` is ours: the parser's own message quotes the source, secrets included. */
  | { ok: false; line: number | undefined; reason: string };

/** Integers that are no safe number arrive as bigint, dates as a symbol: either is a wrong value in any place, not wrong TOML. */
export function parseToml(text: string): TomlResult {
  try {
    return { ok: true, data: withoutDates(parseDocument(text)) };
  } catch (error) {
    // The parser is no code of ours: whatever it throws, the text could not be read.
    if (!(error instanceof TomlError)) return { ok: false, line: undefined, reason: notToml };
    return { ok: false, line: error.line, reason: explain(error) };
  }
}

/** The document as smol-toml reads it; throws its TomlError. */
export function parseDocument(text: string): Record<string, unknown> {
  return parse(text, { integersAsBigInt: "asNeeded", maxDepth: deepest });
}

/** A fault of the syntax as a problem of the file. */
export function describeSyntax(fault: TomlResult & { ok: false }, file: string | undefined): Problem {
  const fix = "fix this line first; the rest of the file is checked after it";
  return { file, line: fault.line, key: "", what: fault.reason, fix };
}

/** No value of ours is nested deeper than four times; code that walks a document by recursion needs a bound. */
const deepest = 50;

const notToml = "this is not valid TOML";

// The parser's reasons, for people who do not know the grammar's terms.
const reasons: readonly [RegExp, string][] = [
  [/redefine/, "this section or key is there twice"],
  [/followed by an end-of-line/, "there is something after the value, where only a # comment may be"],
  [/unfinished string|allowed in strings/, "a string is not closed by its quote before the line ends"],
  [/unfinished array/, "a list is not closed by ]"],
  [/unfinished table/, "a table in braces is not closed by }"],
  [/expected comma/, "a comma or a closing bracket is missing"],
  [/escape/, "a string in double quotes holds a backslash; write it twice, or use single quotes"],
  [/date/, "this looks like a date and is not a valid one"],
  [/value|numeric|zero|underscore/, "the value is neither a number nor true, false or a string in quotes"],
  [/nested/, "lists or tables are nested too deeply"],
  [/key|table array/, "this is neither a [section] nor a line of the form key = value"],
];

function explain(error: TomlError): string {
  const [head = ""] = error.message.split("\n", 1);
  return reasons.find(([pattern]) => pattern.test(head))?.[1] ?? notToml;
}

function withoutDates(document: Record<string, unknown>): Record<string, unknown> {
  // Dotted keys can nest as deep as the text is long: no recursion.
  const open: object[] = [document];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const [key, value] of Object.entries(node)) {
      if (value instanceof TomlDate)
        Object.defineProperty(node, key, { value: markDate(value), enumerable: true });
      else if (typeof value === "object" && value !== null) open.push(value);
    }
  }
  return document;
}

/** In place of a date in the text, with the date as its description: an object there would pass for a table. */
function markDate(date: TomlDate): symbol {
  return Symbol(date.toISOString());
}
