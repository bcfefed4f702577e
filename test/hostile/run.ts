// `npm run test:hostile`: peers, pages, files and clocks that mean no good, one suite (`*.hostile.ts`) after another. `--short` is the
// form for every day: less of it, and all at once. Other arguments choose suites by their names.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
const chosen = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const suites = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".hostile.ts"))
  .filter((name) => chosen.length === 0 || chosen.some((word) => name.includes(word)))
  .sort();

/** Waits for a quarter of an hour, with little to do. */
const isPatient = (suite: string) => suite.startsWith("clients");

/** They start relays by the dozen. */
const isHeavy = (suite: string) => /^(?:files|clock)/.test(suite);

if (flags.includes("--short")) {
  const heavy = (async () => {
    for (const suite of suites.filter(isHeavy)) await run(suite);
  })();
  await Promise.all([heavy, ...suites.filter((suite) => !isHeavy(suite)).map(run)]);
} else {
  const patient = suites.filter(isPatient).map(run);
  for (const suite of suites.filter((each) => !isPatient(each))) await run(suite);
  await Promise.all(patient);
}

async function run(suite: string): Promise<void> {
  const begun = performance.now();
  let text = "";
  const child = spawn(process.execPath, [join(import.meta.dirname, suite), ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  process.stdout.write(`${code === 0 ? "✓" : "✗"} ${suite}, ${seconds} s\n${text.replace(/^(?=.)/gm, "  ")}`);
  if (code !== 0) process.exitCode = 1;
}
