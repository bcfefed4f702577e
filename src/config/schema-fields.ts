// The kinds of value that config.toml has, each with the words in which messages speak of it.

import * as z from "zod";
import { findUrlFault } from "./url.ts";

/** How messages speak of a key. */
export interface KeyNote {
  /** Follows "must be". */
  expected: string;
  /** Follows "write". */
  write: string;
}

export const keyNotes = z.registry<KeyNote>();

type FindFault = (value: string) => string | undefined;

export function noFault(): undefined {
  return undefined;
}

export function table<Shape extends z.core.$ZodLooseShape>(write: string, shape: Shape) {
  return z.strictObject(shape).register(keyNotes, { expected: "a table", write });
}

export function text(findFault: FindFault, expected: string, write: string) {
  return z
    .string()
    .check((context) => {
      const message = findFault(context.value);
      if (message !== undefined) context.issues.push({ code: "custom", message, input: context.value });
    })
    .register(keyNotes, { expected: `${expected} in quotes`, write });
}

export function url(write: string) {
  return text(findUrlFault, "a URL", write);
}

export function flag(write: string) {
  return z.boolean().register(keyNotes, { expected: "true or false", write });
}

/** A table whose keys are the owner's own. */
export function record<Value extends z.ZodType>(value: Value, write: string) {
  return z.record(z.string(), value).register(keyNotes, { expected: "a table", write });
}

export function list<Element extends z.ZodType>(element: Element, write: string) {
  return z.array(element).register(keyNotes, { expected: "a list in brackets", write });
}

export function choice<const Values extends readonly string[]>(values: Values, write: string) {
  const expected = `one of ${values.map((value) => `"${value}"`).join(", ")}`;
  return z.enum(values).register(keyNotes, { expected, write });
}

type ListPayload = z.core.ParsePayload<unknown[]>;

export function refuseEmptyList(context: ListPayload): void {
  refuseEmpty(context, "is empty: no request would fit");
}

export function refuseEmptyChain(context: ListPayload): void {
  refuseEmpty(context, "is empty: nothing would be asked for");
}

export function refuseEmptyCommand(context: ListPayload): void {
  refuseEmpty(context, "is empty: no program would be started");
}

export function refuseEmptyEvents(context: ListPayload): void {
  refuseEmpty(context, "is empty: nothing would be sent");
}

function refuseEmpty(context: ListPayload, message: string): void {
  if (context.value.length === 0) context.issues.push({ code: "custom", message, input: context.value });
}

interface Range {
  from?: number;
  /** Like `from`, but itself excluded. */
  above?: number;
  to?: number;
}

export function figure(range: Range, write: string) {
  return bounded(z.number(), range).register(keyNotes, {
    expected: `a number${describeRange(range)}`,
    write,
  });
}

export function whole(range: Range, write: string) {
  return bounded(z.int(), range).register(keyNotes, {
    expected: `a whole number${describeRange(range)}`,
    write,
  });
}

function bounded(schema: z.ZodNumber, range: Range): z.ZodNumber {
  let result = schema;
  if (range.from !== undefined) result = result.min(range.from);
  if (range.above !== undefined) result = result.gt(range.above);
  if (range.to !== undefined) result = result.max(range.to);
  return result;
}

function describeRange({ from, above, to }: Range): string {
  if (above !== undefined) return ` above ${above} and at most ${to}`;
  return from === undefined ? "" : ` from ${from} to ${to}`;
}
