// Finds the models that share a limit, and matches models against an account's patterns.

import type { Family } from "./family.ts";

/** Anthropic counts some windows per model family (`seven_day_opus`), whatever the generation or date in the id. */
const claudeFamilies = /opus|sonnet|haiku|fable|mythos/i;

/** Clients choose the names, and the scope is written down: no true name is nearly as long. */
const maxNameLength = 200;

/** The scope of a cooldown when only one model of an account is limited: Claude's model family, elsewhere the model itself. */
export function modelScope(family: Family, model: string): string {
  const name = model.slice(0, maxNameLength);
  if (family !== "claude") return name;
  return claudeFamilies.exec(name)?.[0].toLowerCase() ?? name;
}

/**
 * Whether one of the glob patterns fits the whole id: `*` matches any text, letter case does not count.
 * Without patterns every model fits, and so does a request that names none.
 */
export function matchesModel(patterns: readonly string[] | undefined, model: string | undefined): boolean {
  if (patterns === undefined || model === undefined) return true;
  const id = model.toLowerCase();
  return patterns.some((pattern) => fits(pattern.toLowerCase(), id));
}

/** Whether one of the patterns names the model: one that fits everything names nothing. */
export function namesModel(patterns: readonly string[] | undefined, model: string | undefined): boolean {
  const naming = patterns?.filter((pattern) => pattern !== "*") ?? [];
  return model !== undefined && matchesModel(naming, model);
}

/** Takes the leftmost place for each piece between stars; a regular expression could be made to backtrack for hours. */
function fits(pattern: string, id: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return id === first;
  if (!id.startsWith(first) || id.length < first.length + last.length || !id.endsWith(last)) return false;
  let from = first.length;
  const end = id.length - last.length;
  for (const piece of rest) {
    const at = id.indexOf(piece, from);
    if (at === -1 || at + piece.length > end) return false;
    from = at + piece.length;
  }
  return true;
}
