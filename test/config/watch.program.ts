// A process that watches its configuration, and has nothing else to do.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

test("a watch does not keep the process alive", async () => {
  const module = join(import.meta.dirname, "../../src/config/watch.ts");
  const script = `const { sightFile, watchConfig } = await import(${JSON.stringify(module)}); watchConfig(sightFile("/nowhere"), () => {});`;
  await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { timeout: 60_000 });
});
