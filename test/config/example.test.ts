import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "smol-toml";
import { describeWarning } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { listAllKeys } from "../../src/config/validate.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { defaultConfig } from "../support/default-config.ts";
import { fakeEnvironment, read } from "./support.ts";

const file = join(import.meta.dirname, "../../config.example.toml");

test("the example loads as it is and says the defaults", async () => {
  const config = await loadConfig({ flag: file, environment: fakeEnvironment(), kinds: accountKinds });
  const databasePath = join(import.meta.dirname, "../../data/relay.db");
  assert.deepEqual(config, { ...defaultConfig({ databasePath }), file });
});

test("the example with every commented setting in force loads too", async () => {
  const config = read(await readUncommented(), { ANTHROPIC_API_KEY: "KEY-2" });
  assert.deepEqual(config.warnings.map(describeWarning), []);
  assert.deepEqual(config.accounts.map(({ type }) => type).sort(), [
    "claude-api",
    "claude-api",
    "claude-api",
    "claude-oauth",
    "claude-oauth",
    "client",
    "gemini",
    "gemini-api",
    "openai-responses",
  ]);
});

test("the example and the schema have the same keys", async () => {
  const document = parse(await readUncommented());
  assert.deepEqual([...new Set(collectKeys(document, ""))].sort(), listAllKeys(accountKinds).sort());
});

/** The first `api_keys` gives way to the commented one. */
async function readUncommented(): Promise<string> {
  const text = await readFile(file, "utf8");
  return text
    .replace("\napi_keys = []\n", "\n")
    .replace("\nallowed_origins = []\n", "\n")
    .replaceAll(/^#(?=[a-z["])/gm, "");
}

function collectKeys(value: unknown, prefix: string): string[] {
  if (Array.isArray(value)) return value.flatMap((element) => collectKeys(element, `${prefix}[]`));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const name = prefix === "" ? key : `${prefix}.${key}`;
    // The keys of these two are the owner's own.
    return ["models", "accounts[].model_map"].includes(name) ? [name] : [name, ...collectKeys(child, name)];
  });
}
