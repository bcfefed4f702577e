// The JSON settings of client programs, which may hold comments.

import { isObject, objectField, parseJson } from "../../json-values.ts";
import { readOptional } from "./read-optional.ts";

export type Json = Readonly<Record<string, unknown>>;

/** An empty object when there is no such file; undefined when it is no JSON object. */
export async function readJsonSettings(file: string): Promise<Json | undefined> {
  const text = await readOptional(file);
  if (text === undefined) return {};
  const value = parseJson(withoutComments(text.replace(/^\uFEFF/, "")));
  return isObject(value) ? value : undefined;
}

/** A member that is an object; empty when it is none. */
export function tableIn(settings: Json, name: string): Json {
  return objectField(settings, name) ?? {};
}

/** Strings are matched first, so that a `//` inside one stays. */
export function withoutComments(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
    found.startsWith('"') ? found : " ",
  );
}
