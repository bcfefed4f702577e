// Parses and writes JSON from outside: bounded in depth, and with numbers that keep their digits.

import { exceeds } from "../../json/json-values.ts";

export { isObject as isJsonObject, type JsonObject } from "../../json/json-values.ts";

/**
 * Parsing 10 MB of nothing but brackets takes seconds, and everything that walks the result afterwards would need as deep
 * a stack. No schema, argument or message of a real client comes near this.
 */
const maxDepth = 200;

/** Undefined when the text is no JSON or nests deeper than `maxDepth`. */
export function parseJson(text: string): { value: unknown } | undefined {
  if (exceeds(text, { maxDepth })) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/**
 * As `parseJson`, for values that are written out again: a number that a double cannot hold (64-bit ids in tool arguments)
 * becomes a raw literal that `JSON.stringify` writes digit by digit. Undefined, too, for one of more than `maxValues`.
 */
export function parseJsonExactly(text: string, maxValues?: number): { value: unknown } | undefined {
  if (exceeds(text, { maxDepth, maxValues })) return undefined;
  try {
    return { value: /\d{16}/.test(text) ? json.parse(text, keepDigits) : JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** TypeScript's library does not yet describe the source-text access of ES2026 that Node has since version 21. */
interface SourceTextJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(literal: string): unknown;
}

const json = JSON as unknown as SourceTextJson;

function keepDigits(_key: string, value: unknown, context: { source?: string }): unknown {
  const { source } = context;
  if (typeof value !== "number" || source === undefined || String(value) === source) return value;
  return json.rawJSON(source);
}

/**
 * JSON without halves of surrogate pairs: they are no Unicode, and both APIs and many JSON readers refuse them.
 * JSON.stringify writes them, and nothing else beyond ASCII, as escapes.
 */
export function stringifyWellFormed(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes("\\ud")) return text;
  return text.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, (found) => (found.length === 6 ? "\ufffd" : found));
}
