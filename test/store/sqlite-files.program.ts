// The database's file as a process of another user finds it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withHarness } from "./harness.ts";

test("a database that may not be written is named, not crashed on", () =>
  withHarness(async ({ folder, path, open }) => {
    await (await open()).close();
    chmodSync(path, 0o444);
    chmodSync(folder, 0o755);
    assert.match(unprivileged(path), /^the database .*relay\.db cannot be written\ngive the account/);
    assert.match(
      unprivileged(join(folder, "new.db")),
      /^the database .*new\.db cannot be created \(EACCES.*\)\ngive/,
    );
    assert.equal(existsSync(join(folder, "new.db")), false);
  }));

function unprivileged(path: string): string {
  const args = [join(import.meta.dirname, "child.ts"), "open-unprivileged", path];
  return execFileSync(process.execPath, args, { encoding: "utf8" });
}
