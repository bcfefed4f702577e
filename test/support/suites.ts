// Runs programs that each are a suite, and prints each with what it said when it is over.

import { spawn } from "node:child_process";
import { basename } from "node:path";
import { bundleProgram } from "./bundled-program.ts";

export interface SuiteOptions {
  /** Arguments of each of them. */
  flags: readonly string[];
  /** How many run at a time. */
  together: number;
}

/** Runs these files, in this order; the exit code of this process is 1 where one of them fails. */
export async function runSuites(files: readonly string[], { flags, together }: SuiteOptions): Promise<void> {
  process.env.CC_RELAY_PROGRAM ??= bundleProgram();
  const waiting = [...files];
  await Promise.all(
    Array.from({ length: together }, async () => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await run(file, flags);
    }),
  );
}

async function run(file: string, flags: readonly string[]): Promise<void> {
  const begun = performance.now();
  let text = "";
  const child = spawn(process.execPath, [file, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  process.stdout.write(
    `${code === 0 ? "✓" : "✗"} ${basename(file)}, ${seconds} s\n${text.replace(/^(?=.)/gm, "  ")}`,
  );
  if (code !== 0) process.exitCode = 1;
}
