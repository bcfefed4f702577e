// The version of this package, from its package.json.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../config/package-root.ts";

export function readVersion(): string {
  const text = readFileSync(join(packageRoot(), "package.json"), "utf8");
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
