// Which suite the files of tests belong to, and that the gate runs every suite.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { changesItsProcess } from "./own-process.ts";

const root = join(import.meta.dirname, "..");
const folder = join(root, "test");

const startsProcess = /^import (?!type )[^;]*?from "node:child_process"/m;
const imported = /^(?:import|export) (?!type )[^;]*?from "(\.[^"]+)"/gm;
const known = new Map<string, boolean>();

/** Whether it, or what it loads of test/, starts processes by itself. */
function isStarter(file: string): boolean {
  if (!file.startsWith(folder)) return false;
  const found = known.get(file);
  if (found !== undefined) return found;
  known.set(file, false);
  const source = readFileSync(file, "utf8");
  const isOne =
    startsProcess.test(source) ||
    [...source.matchAll(imported)].some(([, path]) => isStarter(resolve(dirname(file), path!)));
  known.set(file, isOne);
  return isOne;
}

test("what starts a process, or changes its own, is in a file *.program.ts, which npm test leaves to test:programs", () => {
  const misplaced = globSync("**/*.test.ts", { cwd: folder }).filter(
    (file) =>
      isStarter(join(folder, file)) || changesItsProcess.test(readFileSync(join(folder, file), "utf8")),
  );
  assert.deepEqual(misplaced.sort(), []);
});

test("the gate runs every suite, in its short form where there is one", () => {
  const gate = readFileSync(join(root, ".ci/run"), "utf8");
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const suites = Object.keys(scripts).filter((name) => /^(?:test:\w+|bench)$/.test(name));
  const missing = suites.filter((name) => {
    const form = `${name}:short` in scripts ? `${name}:short` : name;
    return !gate.includes(`"npm run --silent ${form}"`);
  });
  assert.deepEqual(missing, []);
});
