// Finds the regular expressions that are made at run time, `new RegExp(…)`: by loading the files that make them once more, and calling
// what makes one when it is called.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export interface BuiltExpression {
  /** `text/redact.ts:65` */
  place: string;
  pattern: string;
  flags: string;
}

type Functions = Readonly<Record<string, (...given: unknown[]) => unknown>>;

/** The places of a file in which an expression is made, by their lines. */
export function constructionsIn(file: string, source: string): string[] {
  return source
    .split("\n")
    .flatMap((line, index) =>
      /\bRegExp\(/.test(line.replace(/\/\/.*/, "")) ? [`${file}:${index + 1}`] : [],
    );
}

/** @param calls by file: what makes it make its expressions, given what it exports. */
export async function builtExpressions(
  root: string,
  files: readonly string[],
  calls: Readonly<Record<string, (exported: Functions) => unknown>>,
): Promise<BuiltExpression[]> {
  const making = files.filter(
    (file) => constructionsIn(file, readFileSync(join(root, file), "utf8")).length > 0,
  );
  const found: BuiltExpression[] = [];
  const original = globalThis.RegExp;
  globalThis.RegExp = new Proxy(original, {
    construct(target, [pattern, flags]: [string | RegExp, string | undefined]) {
      const built = new target(pattern, flags);
      const place = placeIn(root, making, new Error("here").stack ?? "");
      if (place !== undefined) found.push({ place, pattern: built.source, flags: built.flags });
      return built;
    },
  });
  try {
    for (const file of making) {
      // Another address than the one under which it may be loaded already.
      const loaded = (await import(`${pathToFileURL(join(root, file)).href}?expressions`)) as Functions;
      calls[file]?.(loaded);
    }
  } finally {
    globalThis.RegExp = original;
  }
  return found;
}

/** The caller's own line; undefined in every other file. */
function placeIn(root: string, files: readonly string[], stack: string): string | undefined {
  const caller = stack.split("\n")[2] ?? "";
  for (const file of files) {
    const [, rest] = caller.split(pathToFileURL(join(root, file)).href);
    const line = rest === undefined ? undefined : /^[^:]*:(\d+):/.exec(rest)?.[1];
    if (line !== undefined) return `${file}:${line}`;
  }
  return undefined;
}
