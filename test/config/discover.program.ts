// The platform's folders for configuration and data, as a process of some environment finds them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

test("the platform's folders come from this process's environment", async () => {
  const folders = await readFolders({ XDG_CONFIG_HOME: "/xc", XDG_DATA_HOME: "/xd", HOME: "/home/u" });
  assert.deepEqual(folders, ["/xc/cc-relay", "/xd/cc-relay"]);
  // The XDG specification has relative folders ignored.
  const usual = await readFolders({ XDG_CONFIG_HOME: "xc", XDG_DATA_HOME: "xd", HOME: "/home/u" });
  assert.deepEqual(usual, ["/home/u/.config/cc-relay", "/home/u/.local/share/cc-relay"]);
});

/** Of a process with only these variables, as Linux has them. */
async function readFolders(env: Record<string, string>): Promise<string[]> {
  const module = join(import.meta.dirname, "../../src/config/environment.ts");
  const script = `
    Object.defineProperty(process, "platform", { value: "linux" });
    const { readEnvironment } = await import(${JSON.stringify(module)});
    const { configFolder, dataFolder } = readEnvironment();
    console.log(JSON.stringify([configFolder, dataFolder]));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
    env,
  });
  return JSON.parse(stdout) as string[];
}
