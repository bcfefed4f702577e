// Holds that what a file of src exports is used outside of it: other code, or a test, names it.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");
const sources = new Map(
  globSync(["src/**/*.ts", "test/**/*.ts", "bin/*.{js,mts}"], { cwd: root }).map((name) => [
    join(root, name),
    readFileSync(join(root, name), "utf8"),
  ]),
);

/** The files that import each file, statically or late. */
const importers = new Map<string, string[]>();
for (const [file, text] of sources) {
  for (const [, path] of text.matchAll(/"(\.{1,2}\/[^"]+\.ts)"/g)) {
    const imported = resolve(dirname(file), path!);
    importers.set(imported, [...(importers.get(imported) ?? []), text]);
  }
}

/** Types that a signature names may be exported beside it, whether anybody names them or not. */
const exported = /^export (?:async )?(?:function\*?|const|let|class) ([\w$]+)/gm;

test("every function, constant and class that src exports is named by a file that imports it", () => {
  const all = [...sources].flatMap(([file, text]) =>
    file.startsWith(join(root, "src"))
      ? [...text.matchAll(exported)].map(([, name]) => ({ file, name: name! }))
      : [],
  );
  assert.ok(all.length > 500, `${all.length} exports`);
  const unused = all.filter(({ file, name }) => {
    const word = new RegExp(`\\b${name.replaceAll("$", "\\$")}\\b`);
    return !(importers.get(file) ?? []).some((user) => word.test(user));
  });
  assert.deepEqual(
    unused.map(({ file, name }) => `${file.slice(root.length + 1)}: ${name}`),
    [],
  );
});

/** What documents are compared with. */
const forDocuments = new Set(["listAllKeys"]);

test("src has no function, constant or class that only tests call", () => {
  const ofSources = [...sources].filter(([file]) => !file.startsWith(join(root, "test")));
  const only: string[] = [];
  for (const [file, text] of ofSources) {
    for (const [, name] of text.matchAll(exported)) {
      const word = new RegExp(`\\b${name!.replaceAll("$", "\\$")}\\b`, "g");
      const isUsedHere = (text.match(word)?.length ?? 0) > 1;
      const isUsedElsewhere = ofSources.some(([other, code]) => other !== file && code.search(word) >= 0);
      if (!isUsedHere && !isUsedElsewhere && !forDocuments.has(name!))
        only.push(`${file.slice(root.length + 1)}: ${name}`);
    }
  }
  assert.deepEqual(only, []);
});
