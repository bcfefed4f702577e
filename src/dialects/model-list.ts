// Merges the model lists of several providers' answers.

import { isObject, type JsonObject, stringField } from "../json/json-values.ts";

/** An answer's list and what is around it. */
export interface ModelPage {
  document: JsonObject;
  entries: unknown[];
}

export interface MergedEntries {
  /** The pages that could be read, in order. */
  pages: ModelPage[];
  /** Every model once; of entries with the same id the first. */
  entries: unknown[];
}

/** Entries without a string under `idField`, and bodies that are no list, are left out. */
export function mergeEntries(bodies: readonly Buffer[], listField: string, idField: string): MergedEntries {
  const pages = bodies.flatMap((body) => readPage(body, listField) ?? []);
  const seen = new Set<string>();
  const entries = pages
    .flatMap((page) => page.entries)
    .filter((entry) => {
      const id = stringField(entry, idField);
      if (id === undefined || seen.has(id)) return false;
      seen.add(id);
      return true;
    });
  return { pages, entries };
}

function readPage(body: Buffer, listField: string): ModelPage | undefined {
  try {
    const document: unknown = JSON.parse(body.toString());
    if (!isObject(document)) return undefined;
    // Google leaves out what is empty, the list itself included.
    const isEmpty = Object.keys(document).length === 0;
    const entries = isEmpty ? [] : document[listField];
    return Array.isArray(entries) ? { document, entries } : undefined;
  } catch {
    return undefined;
  }
}
