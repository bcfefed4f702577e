// Applies every mutation of the list to a copy of the source, one at a time, and expects the tests that are named with it to fail.
// `npm run test:mutants`; with `--short` ten of them, with `--only TEXT` those whose file or fault has the text.

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeMutation, type Mutation } from "./mutation.ts";
import { misfits, mutations } from "./mutations.ts";

const shortCount = 10;
/** A fault may leave a test waiting for what never comes: that is noticed, too. */
const timeoutMs = 120_000;

const { values: flags } = parseArgs({ options: { short: { type: "boolean" }, only: { type: "string" } } });
const top = resolve(import.meta.dirname, "../..");
const work = mkdtempSync(join(tmpdir(), "cc-relay-mutants-"));
const compileCache = join(work, "compiled");

interface Run {
  passed: number;
  failed: number;
  hasEnded: boolean;
}

try {
  process.exitCode = (await runAll()) ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function runAll(): Promise<boolean> {
  for (const misfit of misfits()) say(`✗ ${misfit}`);
  if (misfits().length > 0) return false;

  const chosen = choose();
  const begun = performance.now();
  const untouched = await inCopies(distinctTests(chosen), async (copy, mutation) => {
    const run = await runTests(copy, mutation);
    // On a machine that is busy with other things a limit on time may have been exceeded.
    return isSound(run) ? run : await runTests(copy, mutation);
  });
  const sick = untouched.filter(([, run]) => !isSound(run));
  for (const [{ tests, only }] of sick)
    say(`✗ ${tests}${only ? ` (${only})` : ""}: fails or finds no test, without any mutation`);
  if (sick.length > 0) return false;

  const results = await inCopies(chosen, runMutated);
  const alive = results.filter(([, { failed, hasEnded }]) => hasEnded && failed === 0);
  for (const [mutation] of alive) say(`✗ survived: ${describeMutation(mutation)}\n  ${mutation.tests}`);
  const seconds = Math.round((performance.now() - begun) / 1000);
  say(`${chosen.length - alive.length} of ${chosen.length} mutations killed in ${seconds} s`);
  return alive.length === 0 && chosen.length > 0;
}

function isSound({ passed, failed, hasEnded }: Run): boolean {
  return hasEnded && failed === 0 && passed > 0;
}

/** A short run has some of every folder, since the list is in the order of folders. */
function choose(): readonly Mutation[] {
  const { short, only } = flags;
  if (only !== undefined) return mutations.filter(({ file, from }) => `${file} ${from}`.includes(only));
  if (!short) return mutations;
  const step = mutations.length / shortCount;
  return Array.from({ length: shortCount }, (_, index) => mutations[Math.floor(index * step)]!);
}

function distinctTests(chosen: readonly Mutation[]): Mutation[] {
  return [...new Map(chosen.map((mutation) => [`${mutation.tests} ${mutation.only}`, mutation])).values()];
}

/** Each copy is worked on by one process at a time. */
async function inCopies<T>(
  items: readonly Mutation[],
  work: (copy: string, mutation: Mutation) => Promise<T>,
): Promise<[Mutation, T][]> {
  const waiting = [...items];
  const done: [Mutation, T][] = [];
  const copies = Array.from({ length: availableParallelism() }, (_, index) => makeCopy(index));
  await Promise.all(
    copies.map(async (copy) => {
      for (let next = waiting.shift(); next; next = waiting.shift())
        done.push([next, await work(copy, next)]);
    }),
  );
  return done;
}

function makeCopy(index: number): string {
  const copy = join(work, String(index));
  rmSync(copy, { recursive: true, force: true });
  for (const name of ["src", "test", "package.json", "docs", "README.md", "config.example.toml"])
    cpSync(join(top, name), join(copy, name), { recursive: true });
  symlinkSync(join(top, "node_modules"), join(copy, "node_modules"));
  return copy;
}

async function runMutated(copy: string, mutation: Mutation): Promise<Run> {
  const file = join(copy, "src", mutation.file);
  const source = readFileSync(file, "utf8");
  const mutated = source.replace(mutation.from, () => mutation.to);
  // Source that no longer parses would fail any test.
  stripTypeScriptTypes(mutated);
  writeFileSync(file, mutated);
  try {
    return await runTests(copy, mutation);
  } finally {
    writeFileSync(file, source);
  }
}

function runTests(copy: string, { tests, only }: Mutation): Promise<Run> {
  const flags = ["--test", "--test-isolation=none", "--test-reporter=tap"];
  if (only !== undefined) flags.push(`--test-name-pattern=${only}`);
  const files = tests.split(" ").map((test) => join("test", test));
  const child = spawn(process.execPath, [...flags, ...files], {
    cwd: copy,
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache, CC_RELAY_FULL: "1" },
    stdio: ["ignore", "pipe", "ignore"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  let report = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (report += text));
  return new Promise((done, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      const count = (name: string) =>
        Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(report)?.[1] ?? Number.NaN);
      const failed = count("fail") + count("cancelled");
      done({ passed: count("pass"), failed, hasEnded: !Number.isNaN(failed) });
    });
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
