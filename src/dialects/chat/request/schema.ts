// JSON schemas and response_format: the subset that Claude's structured output enforces, with the rest given to the model as text. The same
// rewriting as the official SDK does (`transformJSONSchema`), so that a schema means the same by either way.

import {
  at,
  optionalBoolean,
  optionalObject,
  optionalString,
  requiredObject,
  requiredString,
} from "../fields.ts";
import { InvalidChatRequest, shown } from "../invalid.ts";
import { isJsonObject, type JsonObject } from "../json.ts";

/**
 * A schema that structured output accepts: what it cannot enforce is written as text into the description.
 *
 * @param onWeakened called when a constraint is only text, or what is beside a reference is lost.
 */
export function transformSchema(schema: JsonObject, onWeakened = () => {}): JsonObject {
  const { definitions, ...rest } = schema;
  // Draft 7 keeps under `definitions` what newer drafts, and Claude, keep under `$defs`.
  const source =
    isJsonObject(definitions) && rest.$defs === undefined ? { ...rest, $defs: definitions } : schema;
  return transform(source, onWeakened);
}

/** Whether every object in the schema forbids properties it does not name, which strict tools must. */
export function isClosedSchema(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(isClosedSchema);
  if (!isJsonObject(schema)) return true;
  if (isObjectSchema(schema) && schema.additionalProperties !== false) return false;
  return subschemas(schema).every(isClosedSchema);
}

const stringFormats: ReadonlySet<unknown> = new Set([
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid",
]);

function transform(schema: JsonObject, onWeakened: () => void): JsonObject {
  const kept: [string, unknown][] = [];
  const asText: [string, unknown][] = [];
  const definitions = schema.$defs;
  if (isJsonObject(definitions)) kept.push(["$defs", transformEach(definitions, onWeakened)]);
  // A reference has to be alone: Claude refuses neighbours of it.
  if (schema.$ref !== undefined) {
    kept.push(["$ref", reference(schema.$ref)]);
    if (Object.keys(schema).some((keyword) => keyword !== "$ref" && !annotations.has(keyword))) onWeakened();
    return Object.fromEntries(kept);
  }
  for (const [keyword, value] of Object.entries(schema)) {
    if (handledApart.has(keyword)) continue;
    const entry = keptKeyword({ keyword, value, schema, onWeakened });
    if (entry) kept.push(entry);
    else {
      asText.push([keyword, value]);
      if (!annotations.has(keyword)) onWeakened();
    }
  }
  if (isObjectSchema(schema)) {
    if (!isJsonObject(schema.properties)) kept.push(["properties", {}]);
    kept.push(["additionalProperties", false]);
    // `true` and `false` say nothing that the model could follow; a schema for further properties does.
    if (isJsonObject(schema.additionalProperties)) {
      asText.push(["additionalProperties", schema.additionalProperties]);
      onWeakened();
    }
  }
  const description = describe(schema.description, asText);
  if (description !== undefined) kept.push(["description", description]);
  // fromEntries defines own properties, so that a property named __proto__ is one like any other.
  return Object.fromEntries(kept);
}

/** `$schema` names the dialect and constrains nothing. */
const handledApart: ReadonlySet<string> = new Set([
  "$defs",
  "$schema",
  "additionalProperties",
  "description",
]);

/** These constrain nothing. */
const annotations: ReadonlySet<string> = new Set([
  ...["$defs", "$schema", "$id", "$comment", "title", "default", "examples", "deprecated"],
  ...["readOnly", "writeOnly"],
]);

interface Keyword {
  keyword: string;
  value: unknown;
  /** It is in this one. */
  schema: JsonObject;
  onWeakened: () => void;
}

/** The keyword as Claude enforces it; undefined when it does not. */
function keptKeyword({ keyword, value, schema, onWeakened }: Keyword): [string, unknown] | undefined {
  const inner = (part: unknown) => transformAny(part, onWeakened);
  switch (keyword) {
    case "type":
    case "title":
      return [keyword, value];
    case "enum":
      return Array.isArray(value) && value.length > 0 && value.every(isPrimitive)
        ? [keyword, value]
        : undefined;
    case "const":
      return isPrimitive(value) ? [keyword, value] : undefined;
    case "anyOf":
    case "allOf":
      return Array.isArray(value) ? [keyword, value.map(inner)] : undefined;
    case "oneOf":
      return Array.isArray(value) && schema.anyOf === undefined ? ["anyOf", value.map(inner)] : undefined;
    case "properties":
      return isJsonObject(value) ? [keyword, transformEach(value, onWeakened)] : undefined;
    case "required":
      return Array.isArray(value) ? [keyword, value] : undefined;
    case "items":
      return isJsonObject(value) ? [keyword, inner(value)] : undefined;
    case "format":
      return stringFormats.has(value) ? [keyword, value] : undefined;
    case "minItems":
      return value === 0 || value === 1 ? [keyword, value] : undefined;
    default:
      return undefined;
  }
}

function isObjectSchema(schema: JsonObject): boolean {
  const { type } = schema;
  if (type === undefined) return isJsonObject(schema.properties);
  return type === "object" || (Array.isArray(type) && type.includes("object"));
}

function transformAny(schema: unknown, onWeakened: () => void): unknown {
  return isJsonObject(schema) ? transform(schema, onWeakened) : schema;
}

function transformEach(schemas: JsonObject, onWeakened: () => void): JsonObject {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, transformAny(schema, onWeakened)]),
  );
}

function reference(value: unknown): unknown {
  return typeof value === "string" ? value.replace(/^#\/definitions\//, "#/$defs/") : value;
}

function isPrimitive(value: unknown): boolean {
  return value === null || typeof value !== "object";
}

function describe(own: unknown, asText: readonly [string, unknown][]): string | undefined {
  const text = typeof own === "string" ? own : undefined;
  if (asText.length === 0) return text;
  const list = `{${asText.map(([keyword, value]) => `${keyword}: ${JSON.stringify(value)}`).join(", ")}}`;
  return text ? `${text}\n\n${list}` : list;
}

function subschemas(schema: JsonObject): unknown[] {
  const found: unknown[] = [];
  for (const keyword of ["anyOf", "oneOf", "allOf"]) {
    if (Array.isArray(schema[keyword])) for (const part of schema[keyword]) found.push(part);
  }
  for (const keyword of ["properties", "$defs", "definitions"]) {
    if (isJsonObject(schema[keyword])) for (const part of Object.values(schema[keyword])) found.push(part);
  }
  if (schema.items !== undefined) found.push(schema.items);
  return found;
}

export interface ResponseFormat {
  /** For `output_config.format`. */
  format?: JsonObject;
  /** For the end of the system prompt. */
  line?: string;
}

export interface ResponseFormatOptions {
  /** The model enforces schemas, with the rest of the request as it is. */
  canEnforce: boolean;
  warnings: Set<string>;
}

export function convertResponseFormat(chat: JsonObject, options: ResponseFormatOptions): ResponseFormat {
  const value = optionalObject(chat, "response_format");
  if (!value) return {};
  const type = requiredString(value, "type", "response_format");
  switch (type) {
    case "text":
      return {};
    case "json_object":
      // instructor and llama.cpp's clients put the schema here.
      return value.schema === undefined || value.schema === null
        ? anyObject(options.warnings)
        : bySchema(value, { ...options, path: "response_format" });
    case "json_schema":
      return bySchema(requiredObject(value, "json_schema", "response_format"), {
        ...options,
        path: "response_format.json_schema",
      });
    default:
      throw new InvalidChatRequest(
        "response_format.type",
        `must be text, json_object or json_schema, not ${shown(type)}.`,
      );
  }
}

function anyObject(warnings: Set<string>): ResponseFormat {
  warnings.add("response_format downgraded");
  return { line: "Respond with exactly one JSON object and nothing else." };
}

function bySchema(
  definition: JsonObject,
  { canEnforce, warnings, path }: ResponseFormatOptions & { path: string },
): ResponseFormat {
  const schema = optionalObject(definition, "schema", path);
  const strict = optionalBoolean(definition, "strict", path);
  const description = optionalString(definition, "description", path);
  if (!schema) return anyObject(warnings);
  if (canEnforce && strict !== false) {
    if (description) warnings.add(`${at("response_format", "description")} dropped`);
    const onWeakened = () => warnings.add("response_format.schema downgraded");
    return { format: { type: "json_schema", schema: transformSchema(schema, onWeakened) } };
  }
  if (strict !== false) warnings.add("response_format downgraded");
  const purpose = description ? ` (${description})` : "";
  return {
    line: `Respond with one JSON value that conforms to this JSON schema${purpose}, and nothing else: ${JSON.stringify(schema)}`,
  };
}
