// Holds the project's language: words that were replaced do not come back, and the glossary lists the ones in use.

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");

/** Each word with what is said in its place. Identifiers count too where a pattern fits a part of them. */
const retired: [RegExp, string][] = [
  [/\b(?:rests|resting)\b/i, "cooldown, in cooldown"],
  [/\brefused by its provider\b/i, "credential refused, needs a login"],
  [/\b(?:login|credential|token|key) (?:is|was) gone\b/i, "is refused, needs a login"],
  [/\btest(?:s|ed|ing)? (?:of )?(?:a|the|its) cooldown/i, "probe"],
  [/\boutliving renewals?\b/i, "detached refresh process"],
  [/\bjourneys?\b|[a-z]Journey/i, "failover, attempt"],
  [/\bg(?:ives?|iven|ave|iving) up\b|[gG](?:ive|iven|ave)Up\b/i, "stop, cancel, drop, release"],
  [/\bdetours?\b|\b(?:comes?|came|goes|went|way) home\b/i, "fallback account, sticky account"],
  [/\btied\b|\btied[A-Z]|Tied[A-Z]/, "bound, required"],
  [/\b(?:ramps?|slopes?|herds?|climbs?)\b/i, "slow start"],
  [/\b(?:is|are|was|were) cut\b|\bcuts? (?:off|short)\b|\bis a cut\b/i, "truncated, broken off, shortened"],
  [/\brenew(?:s|ed|ing|als?)?\b/i, "refresh, rotate"],
  [/\bjudg(?:e|es|ed|ing|ement|ment)\b/i, "classify"],
  [/\bconduits?\b/i, "pipe, sink"],
  [/\b(?:most|longest|largest)[A-Z]\w*|\b(?:const|let|function) (?:most|longest|largest)\b/, "max…"],
  [/\b(?:least|shortest|smallest)[A-Z]\w*/, "min…"],
  [/\b(?:patience|crowd)\b/i, "…TimeoutMs, max…"],
  [/\bmend(?:s|ed|ing)?\b/i, "fix, repair"],
  [/\bbook(?:s|ed|ing)\b/i, "record (usage)"],
  [/\b(?:stands|stood)\b/i, "is, means, stays"],
  [/\b(?:tells?|told|telling)\b/i, "says, reports, sends, distinguishes"],
  [/\bworded\b|\bwords (?:it|them|every|an?|the)\b/i, "written, rendered, has the form"],
  [/(?<!\b[Tt]here )\b(?:is|are) none\b/i, "is not …"],
  [/\bwhoever\b/i, "a client that, everybody who"],
];

/** Tests cut streams into pieces. */
const retiredOutsideOfTests: typeof retired = [[/\bcuts?\b/i, "truncated, shortened, divided"]];

/** Names of the past that have to be written: old tables of the database and their columns. */
const exempt: Record<string, RegExp> = {
  "src/store/migrations.ts": /\brests\b|\bdetour_id\b/g,
  "src/store/carry-over.ts": /"rests"|"detour_id"/g,
  "CONTRIBUTING.md": /support\/patience/g,
  "docs/database.md": /`rests`|`detour_id`/g,
};

const pages = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "config.example.toml"];
const files = [
  ...globSync("src/**/*.ts", { cwd: root }),
  ...globSync("docs/**/*.md", { cwd: root }),
  ...globSync("completions/*", { cwd: root }),
  ...pages.filter((name) => existsSync(join(root, name))),
];

function findRetired(name: string, text: string, words = retired): string[] {
  const checked = text.replaceAll(exempt[name] ?? /(?!)/g, "");
  return checked.split("\n").flatMap((line, index) =>
    words.flatMap(([pattern, instead]) => {
      const found = pattern.exec(line)?.[0];
      return found === undefined
        ? []
        : [`${name}:${index + 1}: "${found}" (say: ${instead}) in: ${line.trim()}`];
    }),
  );
}

test("retired words do not come back into source, help, configuration or documents", () => {
  const words = [...retired, ...retiredOutsideOfTests];
  const found = files.flatMap((name) => findRetired(name, readFileSync(join(root, name), "utf8"), words));
  assert.deepEqual(found, []);
});

test("retired words do not come back into the comments of tests", () => {
  const comment = /^\s*(?:\/\/|\/\*\*|\*).*|\s\/\/ .*/;
  const own = import.meta.filename;
  const all = globSync("test/**/*.ts", { cwd: root })
    .filter((name) => join(root, name) !== own)
    .flatMap((name) =>
      readFileSync(join(root, name), "utf8")
        .split("\n")
        .flatMap((line) => comment.exec(line)?.[0] ?? [])
        .map((text) => ({ name, text })),
    );
  assert.ok(all.length > 1000, `${all.length} comments`);
  assert.deepEqual(
    all.flatMap(({ name, text }) => findRetired(name, text)),
    [],
  );
});

test("retired words do not come back into the titles of tests", () => {
  const titles = /\b(?:test|it|describe|suite)(?:\.\w+)?\(\s*(["'`])((?:\\.|(?!\1).)*)\1/gs;
  const all = globSync("test/**/*.ts", { cwd: root }).flatMap((name) =>
    [...readFileSync(join(root, name), "utf8").matchAll(titles)].map((match) => ({ name, title: match[2]! })),
  );
  assert.ok(all.length > 1000, `${all.length} titles`);
  assert.deepEqual(
    all.flatMap(({ name, title }) => findRetired(name, title)),
    [],
  );
});

test("a retired word is found in a comment, a message and an identifier, and config keys are not", () => {
  const found = (text: string) => findRetired("any.ts", text).length;
  assert.equal(found("// The account rests until then."), 1);
  assert.equal(found('throw new UserError("the file is none of ours")'), 1);
  assert.equal(found("const mostBytes = 1;"), 1);
  assert.equal(found("return callerGaveUp;"), 1);
  assert.equal(found("const leastMs = 1;"), 1);
  assert.equal(found("renewal_threshold_seconds = 300"), 0);
  assert.equal(found("// The rest of the body; undefined when there is none."), 0);
  assert.equal(found("almostEmpty"), 0);
});

test("the glossary lists its words once each, in alphabetical order", () => {
  const text = readFileSync(join(root, "docs/glossary.md"), "utf8");
  const words = [...text.matchAll(/^\| (?!word \||---)([^|]+) \|/gm)].map((match) => match[1]!.toLowerCase());
  assert.ok(words.length > 30);
  assert.deepEqual(words, [...new Set(words)].sort());
});

test("every first line says what is in the file in 200 characters at most, and no two say the same", () => {
  const first = new Map<string, string>();
  for (const name of globSync("src/**/*.ts", { cwd: root })) {
    const line = readFileSync(join(root, name), "utf8").split("\n", 1)[0]!;
    assert.equal(first.get(line), undefined, name);
    assert.ok(line.length <= 200, name);
    first.set(line, name);
  }
});
