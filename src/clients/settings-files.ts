// Reads the JSON settings of client programs, which may hold comments.

import { readFile } from "node:fs/promises";
import { isObject, objectField, parseJson } from "../json/json-values.ts";

export type Json = Readonly<Record<string, unknown>>;

/** An empty object when there is no such file; undefined when it is no JSON object. */
export async function readJsonSettings(file: string): Promise<Json | undefined> {
  const text = await readOptional(file);
  return text === undefined ? {} : parseSettings(text);
}

/** Undefined when the text is no JSON object. */
export function parseSettings(text: string): Json | undefined {
  const value = parseJson(withoutComments(text.replace(/^\uFEFF/, "")));
  return isObject(value) ? value : undefined;
}

/** A member that is an object; empty when it is something else. */
export function tableIn(settings: Json, name: string): Json {
  return objectField(settings, name) ?? {};
}

/** Strings are matched first, so that a `//` inside one stays. */
function withoutComments(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
    found.startsWith('"') ? found : " ",
  );
}

/** Undefined when there is none, or it cannot be read: then the client cannot either, and says so. */
export async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return undefined;
  }
}
