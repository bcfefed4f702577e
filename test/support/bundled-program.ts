// The program as one has it installed, for tests that start it often: a bundle starts in a third of the time that the sources take.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** Returns the file to start, under a name that its code decides: what V8 made of that code is kept by name. */
export function bundleProgram(): string {
  const name = `.cache/program-${process.pid}`;
  const fresh = join(root, name);
  const all = join(root, ".cache/program");
  execFileSync(process.execPath, ["bin/bundle.mts", name], { cwd: root, stdio: "inherit" });
  const hash = createHash("sha256");
  for (const file of globSync("**/*.js", { cwd: fresh }).sort()) hash.update(readFileSync(join(fresh, file)));
  const kept = join(all, hash.digest("hex").slice(0, 16));
  if (existsSync(kept)) rmSync(fresh, { recursive: true });
  else {
    rmSync(all, { recursive: true, force: true });
    mkdirSync(all, { recursive: true });
    renameSync(fresh, kept);
  }
  return join(kept, "main.js");
}
