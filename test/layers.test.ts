// Holds the shape of src/: imports point down only, and some things happen in one place only.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..", "src");

/** From the top; folders on one line do not import each other. The only file directly in src is main.ts. */
const lines = [
  ["main"],
  ["cli"],
  ["app"],
  ["server", "doctor", "demo"],
  ["web", "page"],
  ["live", "notify"],
  ["sockets"],
  ["relay", "documents"],
  ["dialects", "upstreams", "accounts", "clients"],
  ["oauth", "store", "config"],
  ["account-kinds"],
  ["coding"],
  ["usage"],
  ["sse", "network", "terminal"],
  ["telemetry"],
  ["domain", "json", "text", "time"],
];

const topLevel = [
  ...["bin", "completions", "docs", "src", "test", ".ci", ".github"],
  ...["package.json", "package-lock.json", "tsconfig.json", "tsconfig.page.json", "biome.json"],
  ...["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"],
  ...["config.example.toml", "Dockerfile", "docker-compose.yml", ".dockerignore", ".gitignore"],
];

const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(root, name));

function folderOf(file: string): string {
  const path = relative(root, file).split(sep);
  if (path.length > 1) return path[0]!;
  return path[0] === "main.ts" ? "main" : ".";
}

function lineOf(folder: string): number {
  return lines.findIndex((line) => line.includes(folder));
}

function importsOf(file: string, pattern = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g): string[] {
  const source = readFileSync(file, "utf8");
  const specifiers = [...source.matchAll(pattern)].map((match) => match[1]!);
  return specifiers.map((specifier) => resolve(dirname(file), specifier));
}

/** What is loaded before the file itself runs: neither types nor `await import(…)`. */
const loadedFirst = /^(?:import|export) (?!type )[^;]*?from "(\.[^"]+)"/gm;

test("every folder of src is on a line of the layers", () => {
  const unknown = new Set(files.map(folderOf).filter((folder) => lineOf(folder) < 0));
  assert.deepEqual([...unknown], []);
});

test("imports point down only, and never sideways", () => {
  const wrong: string[] = [];
  for (const file of files) {
    const from = folderOf(file);
    for (const imported of importsOf(file)) {
      if (!imported.startsWith(root + sep)) continue;
      const to = folderOf(imported);
      if (to === from || lineOf(to) > lineOf(from)) continue;
      wrong.push(`${relative(root, file)} imports ${relative(root, imported)}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("no two files load each other in a circle", () => {
  const graph = new Map(files.map((file) => [file, importsOf(file, loadedFirst)]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) {
      circles.push([...path.slice(path.indexOf(file)), file].map((one) => relative(root, one)).join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(circles, []);
});

function usersOf(pattern: RegExp): Set<string> {
  const users = files.filter((file) =>
    pattern.test(readFileSync(file, "utf8").replaceAll(/\/\/.*|\/\*[\s\S]*?\*\//g, "")),
  );
  return new Set(users.map((file) => relative(root, file).split(sep).join("/")));
}

test("only main ends the process", () => {
  assert.deepEqual([...usersOf(/process\.exit\(/)], ["main.ts"]);
});

test("the environment is read in config and terminal only", () => {
  const folders = [...usersOf(/process\.env\b/)].map((file) => file.split("/")[0]);
  assert.deepEqual(
    folders.filter((folder) => folder !== "config" && folder !== "terminal"),
    [],
  );
});

test("the pipeline knows neither node:http nor a provider", () => {
  const users = [...usersOf(/node:http|claude|gemini|openai|codex|anthropic|google|v1internal/i)];
  assert.deepEqual(
    users.filter((file) => file.startsWith("relay/")),
    [],
  );
});

test("node:http and undici's index, which load fetch and WebSocket, are loaded where their cost is known", () => {
  const users = usersOf(/^import (?!type )[^;]*?from "(?:node:https?|undici)"/m);
  // The bundle has the second one without the index.
  assert.deepEqual([...users].sort(), ["doctor/credential.ts", "network/undici.ts"]);
});

test("SQL stays inside the store", () => {
  const users = [...usersOf(/\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|PRAGMA)\s/)].filter(
    (file) => !file.startsWith("store/"),
  );
  assert.deepEqual(users, []);
});

test("every file says in its first line what it is for", () => {
  const silent = files.filter((file) => !/^(#!.*\n)?\/\/ \S|^\/\*\*/.test(readFileSync(file, "utf8")));
  assert.deepEqual(
    silent.map((file) => relative(root, file)),
    [],
  );
});

test("the top level holds what is listed here, and nothing that was left behind", () => {
  const top = join(root, "..");
  const ignored = readFileSync(join(top, ".gitignore"), "utf8")
    .split("\n")
    .map((line) => line.replaceAll("/", ""));
  const names = readdirSync(top).filter((name) => name !== ".git" && !ignored.includes(name));
  const listed = new Set(topLevel);
  assert.deepEqual(
    names.filter((name) => !listed.has(name)),
    [],
  );
});
