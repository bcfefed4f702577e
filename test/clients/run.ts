// `npm run test:clients`: the real clients through a real relay against the scripted provider. Builds the relay, installs the clients into
// the cache where they are not there yet, and runs the cases. `--short` is the form that CI runs: one case for each program, and the
// libraries. A word chooses the files whose names have it: `npm run test:clients -- codex`.

import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { install } from "./install.ts";
import { cacheFolder, clientPackages, repository } from "./packages.ts";

const words = process.argv.slice(2);
const isShort = words.includes("--short");
const chosen = words.filter((word) => word !== "--short");
const inShortForm = /^(every-client|codex-websocket|sdk-\w+)\.clients\.ts$/;

const files = globSync("*.clients.ts", { cwd: import.meta.dirname })
  .filter((name) => !isShort || inShortForm.test(name))
  .filter((name) => chosen.length === 0 || chosen.some((word) => basename(name).includes(word)))
  .sort();

process.exitCode = files.length === 0 ? fail(`no file has one of: ${chosen.join(" ")}`) : await main();

async function main(): Promise<number> {
  const build = spawnSync("npm", ["run", "--silent", "build"], { cwd: repository, stdio: "inherit" });
  if (build.status !== 0) return fail("the relay cannot be built");
  const cache = cacheFolder();
  try {
    const results = await Promise.all(clientPackages.map((client) => install(client, cache)));
    const fresh = clientPackages.filter((_, index) => results[index] === "installed");
    if (fresh.length > 0) say(`installed into ${cache}: ${fresh.map(({ folder }) => folder).join(", ")}`);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
  const startedAt = performance.now();
  const tests = spawnSync(
    process.execPath,
    ["--test", "--test-reporter=spec", `--test-concurrency=${Math.min(availableParallelism(), 4)}`, ...files],
    { cwd: import.meta.dirname, stdio: "inherit" },
  );
  say(`${files.length} files in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  return tests.status ?? 1;
}

function fail(reason: string): number {
  process.stderr.write(`✗ ${reason}\n`);
  return 1;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
