// Reads typed fields out of a request of unknown shape. `null` counts as absent, as OpenAI's API has it.

import { InvalidChatRequest, shown } from "./invalid.ts";
import { isJsonObject, type JsonObject } from "./json.ts";

/** The path of a field: `at("messages[0]", "role")` is `messages[0].role`. */
export function at(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  return path === "" ? key : `${path}.${key}`;
}

export function optionalString(source: JsonObject, key: string, path = ""): string | undefined {
  const value = source[key] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw wrongType(at(path, key), "a string", value);
}

export function requiredString(source: JsonObject, key: string, path = ""): string {
  const value = optionalString(source, key, path);
  if (value === undefined) throw new InvalidChatRequest(at(path, key), "is required.");
  return value;
}

export function optionalBoolean(source: JsonObject, key: string, path = ""): boolean | undefined {
  const value = source[key] ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  throw wrongType(at(path, key), "true or false", value);
}

export function optionalNumber(source: JsonObject, key: string, path = ""): number | undefined {
  const value = source[key] ?? undefined;
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw wrongType(at(path, key), "a number", value);
}

export function optionalObject(source: JsonObject, key: string, path = ""): JsonObject | undefined {
  const value = source[key] ?? undefined;
  if (value === undefined || isJsonObject(value)) return value;
  throw wrongType(at(path, key), "an object", value);
}

export function requiredObject(source: JsonObject, key: string, path = ""): JsonObject {
  const value = optionalObject(source, key, path);
  if (value === undefined) throw new InvalidChatRequest(at(path, key), "is required.");
  return value;
}

export function optionalArray(source: JsonObject, key: string, path = ""): unknown[] | undefined {
  const value = source[key] ?? undefined;
  if (value === undefined || Array.isArray(value)) return value;
  throw wrongType(at(path, key), "an array", value);
}

/** An element of an array that has to be an object. */
export function asObject(value: unknown, path: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw wrongType(path, "an object", value);
}

export function wrongType(param: string, wanted: string, value: unknown): InvalidChatRequest {
  return new InvalidChatRequest(param, `must be ${wanted}, not ${shown(value)}.`);
}
