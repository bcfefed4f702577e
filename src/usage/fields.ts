// Narrows what providers report: fields of JSON values that may be anything.

/** Undefined unless the value is an object that has the field with a value other than null. */
export function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name] ?? undefined;
}

/** A number of tokens or the like; undefined for anything that cannot be one. */
export function figureOf(value: unknown, name: string): number | undefined {
  const figure = fieldOf(value, name);
  return typeof figure === "number" && Number.isFinite(figure) && figure >= 0 ? figure : undefined;
}

/** Undefined for the empty string too. */
export function textOf(value: unknown, name: string): string | undefined {
  const text = fieldOf(value, name);
  return typeof text === "string" && text !== "" ? text : undefined;
}
