// What is known of compatible hosts: the table in the documents is the one in the code, and a configuration overrules it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type CompatibleHost, offersFor } from "../../src/config/compatible-hosts.ts";
import { read } from "./support.ts";

test("docs/compatible-hosts.md lists every host that is known, with all that is known of it", async () => {
  const page = await readFile(join(import.meta.dirname, "../../docs/compatible-hosts.md"), "utf8");
  const found = page.split("\n").filter((line) => /^\| `/.test(line));
  assert.deepEqual(found, knownHosts());
});

function knownHosts(): string[] {
  const rows = new Map<string, { apis: string[]; known: CompatibleHost }>();
  for (const family of ["claude", "openai"] as const) {
    for (const { url, host: known } of offersFor(family)) {
      const { host } = new URL(url);
      const row = rows.get(host) ?? { apis: [], known };
      rows.set(host, { ...row, apis: [...row.apis, family] });
    }
  }
  return [...rows].map(([name, { apis, known }]) => {
    const { auth, refuses = [], contextWindow, errors } = known;
    const cells = [
      `\`${name}\``,
      apis.join(", "),
      auth ?? "as the API",
      errors ?? "",
      contextWindow === undefined ? "" : String(contextWindow),
      refuses.join(", "),
    ];
    return `| ${cells.join(" | ")} |`;
  });
}

test("what is known of a host is overruled by what its account says", () => {
  const account = (more: string) =>
    read(
      `[[accounts]]\nid = "a"\ntype = "claude-api"\napi_url = "https://api.deepseek.com/anthropic"\napi_key = "key-1"\n${more}`,
    ).accounts[0]!;
  const known = account("");
  assert.deepEqual(
    [known.refuses.includes("image"), known.onlyWhenOut, known.auth, known.contextWindow],
    [true, true, undefined, undefined],
  );
  const own = account('refuses = []\nonly_when_out = false\nauth = "bearer"\ncontext_window = 64000\n');
  assert.deepEqual(
    [own.refuses, own.onlyWhenOut, own.auth, own.contextWindow],
    [[], false, "bearer", 64_000],
  );
});
