// Holds docs/json-output.md to the types of the documents: every field is on the page, and the page names no other.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/json-output.md"), "utf8");
const types = readFileSync(join(root, "src/documents/types.ts"), "utf8");

function fieldsOf(name: string): string[] {
  const body = new RegExp(`^export interface ${name} \\{\\n([\\s\\S]*?)^\\}$`, "m").exec(types)?.[1];
  assert.ok(body !== undefined, name);
  return [...body.matchAll(/^ {2}(\w+)\??: /gm)].map((match) => match[1]!);
}

/** The fields under each heading, by words of the heading. */
const sections: Record<string, string[]> = {
  "accounts list": [
    "accounts",
    ...fieldsOf("AccountDocument").filter((name) => name !== "logins"),
    ...fieldsOf("WindowDocument"),
  ],
  usage: ["since", "until", "by", "rows", "total", "key", "sent_model", ...fieldsOf("UsageFigures")],
  // When it was checked is for the page alone.
  doctor: [
    ...fieldsOf("DoctorDocument").filter((name) => name !== "checked_at"),
    ...fieldsOf("CheckDocument"),
  ],
  status: [
    ...fieldsOf("StatusDocument"),
    ...fieldsOf("RequestDocument"),
    ...fieldsOf("TokensDocument"),
    ...fieldsOf("LoginDocument"),
    ...fieldsOf("UsageFigures"),
    "attempts",
    "logins",
  ],
  log: ["attempts", ...fieldsOf("AttemptDocument")],
};

/** Values, types and keys of the configuration that are written like fields. */
const noFields: ReadonlySet<string> = new Set([
  ...["ready", "cooldown", "disabled", "ok", "warn", "fail", "client", "answered", "model_map"],
  ...["complete", "truncated", "aborted", "failed", "moved"],
]);

function textUnder(words: string): string {
  const text = page.split("\n## ").find((part) => new RegExp(`\\b${words}\\b`).test(part.split("\n", 1)[0]!));
  assert.ok(text !== undefined, words);
  return text;
}

for (const [words, fields] of Object.entries(sections)) {
  test(`docs/json-output.md has every field of ${words}, and no other`, () => {
    const text = textUnder(words);
    const named = new Set([...text.matchAll(/`([a-z][a-z0-9_]*)`/g)].map((match) => match[1]!));
    assert.deepEqual(
      fields.filter((field) => !named.has(field) && !text.includes(`"${field}"`)),
      [],
      "missing on the page",
    );
    const known = new Set([...fields, ...Object.values(sections).flat()]);
    assert.deepEqual(
      [...named].filter((name) => !known.has(name) && !noFields.has(name)),
      [],
      "on the page alone",
    );
  });
}
