// The README's pictures: all that it shows are there and small, and nothing else is kept.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const kept = readdirSync(join(root, "docs/pictures"));

test("every picture of the README is there, and every picture that is there is in the README", () => {
  const shown = [...readme.matchAll(/docs\/pictures\/([\w-]+\.\w+)/g)].map(([, name]) => name);
  assert.deepEqual(new Set(shown), new Set(kept));
});

for (const name of kept) {
  test(`${name} is below 200 KB, and holds nothing of the machine it was made on`, () => {
    const file = join(root, "docs/pictures", name);
    assert.ok(statSync(file).size < 200_000, `${statSync(file).size} bytes`);
    const text = readFileSync(file, "latin1");
    if (name.endsWith(".svg")) assert.doesNotMatch(text, /<script|href=|\/tmp\/|\/home\/|\/work\//);
    else assert.ok(text.startsWith("\x89PNG"));
  });
}
