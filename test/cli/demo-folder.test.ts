// A demo's temporary folder, and those that killed demos have left.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeDemoFolder } from "../../src/cli/serve/demo-folder.ts";
import { tryLock } from "../../src/store/lock-file.ts";

test("a new demo removes the folders of demos that were killed, and no other one", async (t) => {
  const parent = await mkdtemp(join(tmpdir(), "cc-relay-demos-"));
  t.after(() => rm(parent, { recursive: true }));
  const longAgo = Date.now() / 1000 - 60;
  const make = async (name: string, { isOld }: { isOld: boolean }) => {
    const folder = join(parent, name);
    await mkdir(folder);
    await writeFile(join(folder, "config.toml"), "");
    const lock = tryLock(join(folder, "relay.db.lock"));
    if (isOld) await utimes(folder, longAgo, longAgo);
    return lock;
  };
  (await make("cc-relay-demo-killed", { isOld: true }))?.release();
  const held = await make("cc-relay-demo-running", { isOld: true });
  t.after(() => held?.release());
  (await make("cc-relay-demo-starting", { isOld: false }))?.release();
  (await make("cc-relay-other", { isOld: true }))?.release();
  await symlink(join(parent, "cc-relay-other"), join(parent, "cc-relay-demo-link"));
  const own = await makeDemoFolder(Date.now(), parent);
  const left = (await readdir(parent)).filter((name) => join(parent, name) !== own);
  assert.deepEqual(left.sort(), [
    ...["cc-relay-demo-link", "cc-relay-demo-running", "cc-relay-demo-starting", "cc-relay-other"],
  ]);
  assert.deepEqual(await readdir(join(parent, "cc-relay-other")), ["config.toml", "relay.db.lock"]);
});
