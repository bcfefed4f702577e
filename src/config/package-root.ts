// Where this package is installed: its sources and its bundle lie at different depths below that.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of its package.json. */
export function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json above ${import.meta.dirname}`);
    folder = parent;
  }
  return folder;
}
