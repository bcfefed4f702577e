import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { childEnvironment } from "../support/child-environment.ts";

const root = join(import.meta.dirname, "..", "..");

it("the program starts out of the files that npm packs, and of no others", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cc-relay-package-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const path of packedFiles()) cpSync(join(root, path), join(folder, path));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const run = (arg: string) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, "bin/cc-relay.js"), arg], {
      encoding: "utf8",
      cwd: folder,
      env: childEnvironment(folder),
    });
    return { status, stdout, stderr };
  };
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  assert.deepEqual(run("--version"), { status: 0, stdout: `${version}\n`, stderr: "" });
});

/** Relative to the repository. `dist` is as the last build left it. */
function packedFiles(): string[] {
  const output = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return Object.values(JSON.parse(output) as Record<string, { files: { path: string }[] }>).flatMap(
    ({ files }) => files.map(({ path }) => path),
  );
}
