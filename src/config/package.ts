// Where this package is installed, and its version.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of its package.json: sources and bundle lie at different depths below it. */
export function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json above ${import.meta.dirname}`);
    folder = parent;
  }
  return folder;
}

export function readVersion(): string {
  const text = readFileSync(join(packageRoot(), "package.json"), "utf8");
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
