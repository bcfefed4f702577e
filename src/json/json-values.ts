// Narrows JSON that came from outside: values and fields that may have any type.

export type JsonObject = Record<string, unknown>;

/** The parsed value; undefined when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** No error of an API is nested deeper, and JSON.parse takes long to fail on a text that is. */
const maxDepth = 100;

/** Like parseJson, for the errors of providers: undefined also when the text is nested too deeply to be one. */
export function parseErrorJson(text: string): unknown {
  return exceeds(text, { maxDepth }) ? undefined : parseJson(text);
}

export interface JsonLimits {
  /** Levels of lists and objects within each other. */
  maxDepth: number;
  /** Lists, objects, and what is in them. Absent: any number. */
  maxValues?: number;
}

/** Whether a JSON text is beyond the limits: found without parsing it. */
export function exceeds(
  text: string,
  { maxDepth, maxValues = Number.POSITIVE_INFINITY }: JsonLimits,
): boolean {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (code === openBrace || code === openBracket) {
      depth++;
      values++;
      if (depth > maxDepth || values > maxValues) return true;
    } else if (code === closeBrace || code === closeBracket) depth--;
    else if (code === comma && ++values > maxValues) return true;
  }
  return false;
}

/** Position of the quote that ends the string which starts at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Arrays and null are not objects here. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Own fields only: JSON may name one `constructor`. Undefined when the value is no object. */
export function fieldOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

export function objectField(value: unknown, name: string): JsonObject | undefined {
  const field = fieldOf(value, name);
  return isObject(field) ? field : undefined;
}

/** Undefined for the empty string too. */
export function stringField(value: unknown, name: string): string | undefined {
  const field = fieldOf(value, name);
  return typeof field === "string" && field !== "" ? field : undefined;
}

export function numberField(value: unknown, name: string): number | undefined {
  const field = fieldOf(value, name);
  return typeof field === "number" && Number.isFinite(field) ? field : undefined;
}

/** Empty when there is no list. */
export function listField(value: unknown, name: string): readonly unknown[] {
  const field = fieldOf(value, name);
  return Array.isArray(field) ? field : [];
}

/** A value as a table; empty for anything else. */
export function tableOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** A value as a table, without the members whose values are something else; empty for anything but a table. */
export function tableWith<T>(value: unknown, isWanted: (member: unknown) => member is T): Record<string, T> {
  const members = Object.entries(tableOf(value));
  return Object.fromEntries(members.filter((entry): entry is [string, T] => isWanted(entry[1])));
}

/** A value as a list; empty for anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
