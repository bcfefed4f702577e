// The JSON settings of client programs, which may hold comments.

import { readOptional } from "./read-optional.ts";

export type Json = Readonly<Record<string, unknown>>;

/** An empty object when there is no such file; undefined when it is no JSON object. */
export async function readJsonSettings(file: string): Promise<Json | undefined> {
  const text = await readOptional(file);
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(withoutComments(text.replace(/^\uFEFF/, "")));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** A member that is an object; empty when it is none. */
export function tableIn(settings: Json, name: string): Json {
  const value = settings[name];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** Strings are matched first, so that a `//` inside one stays. */
function withoutComments(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
    found.startsWith('"') ? found : " ",
  );
}
