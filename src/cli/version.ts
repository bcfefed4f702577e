// The version of this package, from its package.json.

import { readFileSync } from "node:fs";

export function readVersion(): string {
  // The same distance from src/cli and from dist/cli.
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
