// `cc-relay log --follow` in a process of its own, whose reader leaves.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { usageRow } from "../store/rows.ts";
import { program } from "../support/program.ts";
import { createServeFolder } from "../support/serve-process.ts";

test("following ends when its reader has gone: log --follow | head", async (t) => {
  const folder = await createServeFolder(t);
  await folder.configure("");
  const record = (id: string) => folder.look(({ usage }) => usage.record(usageRow(id)));
  await record("first");
  const child = spawn(process.execPath, [program, "--config", folder.configFile, "log", "--follow"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => void child.kill("SIGKILL"));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  child.stdout.destroy();
  // What is written then finds nobody.
  await record("second");
  assert.equal(await ended, 0);
});
