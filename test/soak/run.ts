// `npm run test:soak`: everything here, one after another. `--short` is the form for every day: less of it, and all at once.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const own = "run.ts";
const flags = process.argv.slice(2);
const scripts = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".ts") && name !== own)
  .sort();

if (flags.includes("--short")) await Promise.all(scripts.map(run));
else for (const script of scripts) await run(script);

async function run(script: string): Promise<void> {
  const begun = performance.now();
  let text = "";
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  process.stdout.write(
    `${code === 0 ? "✓" : "✗"} ${script}, ${seconds} s\n${text.replace(/^(?=.)/gm, "  ")}`,
  );
  if (code !== 0) process.exitCode = 1;
}
