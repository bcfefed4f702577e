// Holds docs/websocket.md to the tests that it names.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const page = readFileSync(join(import.meta.dirname, "../../docs/websocket.md"), "utf8");

/** The titles of a file's tests as patterns: what is filled in may be anything. */
function titlesOf(file: string): RegExp[] {
  const source = readFileSync(join(import.meta.dirname, `${file}.test.ts`), "utf8");
  return [...source.matchAll(/\btest\(\s*(["`])((?:\\.|(?!\1)[^\\])+)\1/g)].map(([, , title]) => {
    const parts = title!.split(/\$\{[^}]*\}/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(".+")}$`);
  });
}

test("each rule of a WebSocket names tests that are there", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| **"));
  assert.equal(rows.length, 16);
  const missing = rows.flatMap((row) => {
    const named = row.split(" | ").at(-1)!.replace(/ \|$/, "").split("<br>");
    return named.filter((line) => {
      const [, file, title] = /^`(\w+)`: (.+)$/.exec(line) ?? assert.fail(line);
      return !titlesOf(file!).some((pattern) => pattern.test(title!));
    });
  });
  assert.deepEqual(missing, []);
});
