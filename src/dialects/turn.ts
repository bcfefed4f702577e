// Whether a request begins a turn of its conversation, or brings the results of tools: by its last message alone.

import { firstElements, readString, type Span } from "../json/json-scan.ts";
import { membersAt } from "./body-text.ts";

/** The last element of an array; undefined for an empty one and for other values. */
export function lastElement(body: Buffer, array: Span | undefined): Span | undefined {
  let last: Span | undefined;
  if (array === undefined || body[array.start] !== 0x5b) return undefined;
  for (const element of firstElements(body, array)) last = element;
  return last;
}

/** The string under a name of the object at a span. */
export function stringAt(body: Buffer, name: string, object: Span | undefined): string | undefined {
  return readString(body, membersAt(body, [name], object).get(name));
}
