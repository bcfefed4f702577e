// `npm run test:soak`: everything here, one after another; `--short` is the form for every day.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const own = "run.ts";
const scripts = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".ts") && name !== own);

for (const script of scripts.sort()) {
  const begun = performance.now();
  process.stdout.write(`${script}\n`);
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  process.stdout.write(`${code === 0 ? "✓" : "✗"} ${((performance.now() - begun) / 1000).toFixed(0)} s\n`);
  if (code !== 0) process.exitCode = 1;
}
