// Names what of a request has no counterpart in Claude's API, for the header `x-cc-relay-warning`: nothing is dropped in silence.

import { isJsonObject, type JsonObject } from "../json.ts";

/** Above this many warnings the rest is given as a number: they go out in one header. */
const maxNamed = 40;

/** Warns of every parameter that is not read. Values that ask for nothing (null, false, empty) are no loss. */
export function warnOfDropped(chat: JsonObject, read: ReadonlySet<string>, warnings: Set<string>): void {
  let unnamed = 0;
  for (const [name, value] of Object.entries(chat)) {
    if (read.has(name) || asksForNothing(name, value)) continue;
    if (isShown(name, warnings)) warnings.add(`${name} dropped`);
    else unnamed++;
  }
  if (unnamed > 0) warnings.add(`${unnamed} unknown parameters dropped`);
}

export interface Place {
  /** Of which parameter the object is a part: `messages`, `tools`. */
  parameter: string;
  warnings: Set<string>;
}

/** The same for an object inside of the request. */
export function warnOfDroppedMembers(
  object: JsonObject,
  read: ReadonlySet<string>,
  { parameter, warnings }: Place,
): void {
  for (const [name, value] of Object.entries(object)) {
    if (read.has(name) || asksForNothing(name, value)) continue;
    const warning = isShown(name, warnings)
      ? `${parameter}.${name} dropped`
      : `${parameter}: members dropped`;
    warnings.add(warning);
  }
}

/** The names become a header: only those that fit into one, and not without end. */
function isShown(name: string, warnings: ReadonlySet<string>): boolean {
  return warnings.size < maxNamed && /^[A-Za-z0-9_.-]{1,40}$/.test(name);
}

/** Zero is the default of these; a seed of zero is a seed. */
const zeroByDefault: ReadonlySet<string> = new Set(["presence_penalty", "frequency_penalty", "top_logprobs"]);

/** An empty object turns these on, with their defaults. */
const onWhenEmpty: ReadonlySet<string> = new Set(["web_search_options"]);

function asksForNothing(name: string, value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === "") return true;
  if (value === 0) return zeroByDefault.has(name);
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0 && !onWhenEmpty.has(name);
}
