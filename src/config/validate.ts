// Checks the data of a file against the schema and writes the messages. Values are never quoted, except a number where a number belongs.

import * as z from "zod";
import type { AccountKinds } from "../account-kinds/account-kind.ts";
import { type Finding, formatKey, type KeyPath } from "./problem.ts";
import { type ConfigData, type ConfigSchema, createConfigSchema } from "./schema.ts";
import { type KeyNote, keyNotes } from "./schema-fields.ts";
import { nearestWord } from "./suggest.ts";

export type Validation = { ok: true; data: ConfigData } | { ok: false; findings: Finding[] };

export function validate(document: Record<string, unknown>, kinds: AccountKinds): Validation {
  const schema = createConfigSchema(kinds);
  // Compiling a parser for one document takes longer than the document does.
  const result = schema.safeParse(document, { jitless: true });
  if (result.success) return { ok: true, data: result.data };
  return { ok: false, findings: readIssues(result.error.issues, { base: [], document, schema }) };
}

interface Place {
  /** Where the issues' own paths begin. */
  base: KeyPath;
  document: Record<string, unknown>;
  schema: ConfigSchema;
}

function readIssues(issues: readonly z.core.$ZodIssue[], place: Place): Finding[] {
  return issues.flatMap((issue) => {
    const path = [...place.base, ...(issue.path as KeyPath)];
    const { schema } = place;
    const value = valueAt(place.document, path);
    switch (issue.code) {
      case "unrecognized_keys":
        return isOfAnotherProgram(schema, path, { keys: issue.keys, document: place.document })
          ? [anotherPrograms]
          : describeUnknownKeys(schema, path, issue.keys);
      case "custom":
        return [{ path, what: issue.message, fix: remedy(schema, path) }];
      case "invalid_union": {
        const fitting = issue.errors.find((option) => !isTypeMismatch(option));
        if (fitting !== undefined) return readIssues(fitting, { ...place, base: path });
        return [describeWrongValue(schema, path, value)];
      }
      case "invalid_value":
        return [describeWrongChoice(schema, { path, value, choices: issue.values })];
      default:
        return [describeWrongValue(schema, path, value)];
    }
  });
}

/** Whether the value was not even of the option's kind, so that its other complaints say nothing. */
function isTypeMismatch(issues: readonly z.core.$ZodIssue[]): boolean {
  return issues.some((issue) => issue.code === "invalid_type" && issue.path.length === 0);
}

function describeWrongValue(schema: ConfigSchema, path: KeyPath, value: unknown): Finding {
  if (value === undefined) return { path, what: "is missing", fix: remedy(schema, path) };
  const expected = findNote(schema, path)?.expected ?? "something else";
  return {
    path,
    what: `must be ${expected}, and is ${describeKind(value, expected)}`,
    fix: remedy(schema, path),
  };
}

function describeWrongChoice(
  schema: ConfigSchema,
  { path, value, choices }: { path: KeyPath; value: unknown; choices: readonly z.core.util.Primitive[] },
): Finding {
  if (typeof value !== "string") return describeWrongValue(schema, path, value);
  const nearest = nearestWord(value, choices.map(String));
  const what = `must be ${findNote(schema, path)?.expected}`;
  const key = path.at(-1);
  const written = typeof key === "string" ? `${key} = "${nearest}"` : `"${nearest}"`;
  const fix = nearest === undefined ? remedy(schema, path) : `did you mean ${written}?`;
  return { path, what, fix };
}

function describeKind(value: unknown, expected: string): string {
  if (typeof value === "number" || typeof value === "bigint") {
    // A figure in the place of a string may be a secret; in the place of a figure it is not.
    const isShown = expected.includes("number") && String(value).length <= 24;
    return isShown ? String(value) : "a number";
  }
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "symbol") return "a date";
  return Array.isArray(value) ? "a list" : "a table";
}

function remedy(schema: ConfigSchema, path: KeyPath): string {
  return `write ${findNote(schema, path)?.write}`;
}

/** Other programs have a config.toml in their folders, too, and nothing of theirs is to be removed. */
const anotherPrograms: Finding = {
  path: [],
  what: "has none of cc-relay's keys: it is another program's",
  fix: "name your own with --config FILE or CC_RELAY_CONFIG, or start from another folder",
};

/** Whether the file has several keys, none of them known, and most of them no slip of the finger. */
function isOfAnotherProgram(
  schema: ConfigSchema,
  table: KeyPath,
  { keys, document }: { keys: readonly string[]; document: Record<string, unknown> },
): boolean {
  if (table.length > 0 || keys.length < 2 || keys.length < Object.keys(document).length) return false;
  const known = listKeys(schema, table);
  const slips = keys.slice(0, namedUnknownKeys).filter((key) => nearestWord(key, known) !== undefined);
  return slips.length * 2 < keys.length;
}

// A table of a hundred thousand wrong keys is one mistake.
const namedUnknownKeys = 100;

function describeUnknownKeys(schema: ConfigSchema, table: KeyPath, keys: readonly string[]): Finding[] {
  const named = keys.slice(0, namedUnknownKeys).map((key) => describeUnknownKey(schema, table, key));
  const left = keys.length - named.length;
  if (left > 0) named.push({ path: table, what: `has ${left} more unknown keys`, fix: "remove them" });
  return named;
}

function describeUnknownKey(schema: ConfigSchema, table: KeyPath, key: string): Finding {
  const path = [...table, key];
  // The classic trap: TOML gives a line below a [section] to that section, and a relay without keys is open to everyone.
  if (key === "api_keys") {
    return {
      path,
      what: `is below ${describeSection(table)}, so that it belongs to that section and protects nothing`,
      fix: "move the line api_keys = […] to the top of the file, above the first [section]",
    };
  }
  return { path, what: "is not a known key", fix: suggestKey(schema, table, key) };
}

function describeSection(table: KeyPath): string {
  const names = table.filter((part) => typeof part === "string").join(".");
  return typeof table.at(-1) === "number" ? `[[${names}]]` : `[${names}]`;
}

function suggestKey(schema: ConfigSchema, table: KeyPath, key: string): string {
  const known = listKeys(schema, table);
  // The very name counts before a similar one: an account's api_key is not a slip of api_keys.
  const elsewhere = collectKeys(schema, "").filter((name) => name.split(".").at(-1) === key);
  if (elsewhere.length > 0) return `it belongs elsewhere: ${elsewhere.join(" or ")}`;
  const nearest = nearestWord(key, known);
  if (nearest !== undefined) return `did you mean ${nearest}?`;
  return `remove it; ${table.length === 0 ? "the file" : formatKey(table)} can have: ${known.join(", ")}`;
}

function valueAt(document: unknown, path: KeyPath): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** How to speak of the key at a path; undefined for a path the schema does not know. */
function findNote(schema: ConfigSchema, path: KeyPath): KeyNote | undefined {
  const found = findSchema(schema, path);
  return found === undefined ? undefined : keyNotes.get(found);
}

/** The keys of the table at a path; empty for anything else. */
function listKeys(schema: ConfigSchema, path: KeyPath): string[] {
  return Object.keys(shapeOf(findSchema(schema, path)));
}

/** Every key of the file in the form `accounts[].proxy.host`, tables included. */
export function listAllKeys(kinds: AccountKinds): string[] {
  return collectKeys(createConfigSchema(kinds), "");
}

function findSchema(whole: ConfigSchema, path: KeyPath): z.core.$ZodType | undefined {
  let schema: z.core.$ZodType | undefined = whole;
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
