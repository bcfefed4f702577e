// Answers questions about the schema: which keys a table has, and what messages say about one.

import { z } from "zod";
import type { KeyPath } from "./problem.ts";
import { configSchema, type KeyNote, keyNotes } from "./schema.ts";

/** How to speak of the key at a path; undefined for a path the schema does not know. */
export function findNote(path: KeyPath): KeyNote | undefined {
  const schema = findSchema(path);
  return schema === undefined ? undefined : keyNotes.get(schema);
}

/** The keys of the table at a path; empty for anything else. */
export function listKeys(path: KeyPath): string[] {
  return Object.keys(shapeOf(findSchema(path)));
}

/** Every key of the file in the form `accounts[].proxy.host`, tables included. */
export function listAllKeys(): string[] {
  return collectKeys(configSchema, "");
}

function findSchema(path: KeyPath): z.core.$ZodType | undefined {
  let schema: z.core.$ZodType | undefined = configSchema;
  for (const part of path) {
    if (schema === undefined) return undefined;
    schema = unwrap(
      typeof part === "number" ? elementOf(schema) : (shapeOf(schema)[part] ?? entryOf(schema)),
    );
  }
  return schema;
}

function collectKeys(schema: z.core.$ZodType, prefix: string): string[] {
  return Object.entries(shapeOf(schema)).flatMap(([key, child]) => {
    const name = prefix === "" ? key : `${prefix}.${key}`;
    const inner = unwrap(child)!;
    const element = unwrap(elementOf(inner));
    return [name, ...collectKeys(inner, name), ...(element ? collectKeys(element, `${name}[]`) : [])];
  });
}

function unwrap(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  const isWrapped =
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional;
  return isWrapped ? unwrap(schema.unwrap()) : schema;
}

function elementOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodUnion) return schema.options.map(elementOf).find((found) => found !== undefined);
  return schema instanceof z.ZodArray ? schema.element : undefined;
}

/** Of a table whose keys are the owner's own. */
function entryOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  return schema instanceof z.ZodRecord ? schema.valueType : undefined;
}

/** Own keys only: a file may name one `constructor`. */
function shapeOf(schema: z.core.$ZodType | undefined): Record<string, z.core.$ZodType> {
  if (schema instanceof z.ZodUnion) return Object.assign({}, ...schema.options.map(shapeOf));
  return schema instanceof z.ZodObject ? Object.assign(Object.create(null), schema.shape) : {};
}
