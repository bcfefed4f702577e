// Where the one-time code of the page is left while the database's disk takes no writes, and whose files are believed.

import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createCode, useCode } from "../../src/web/sign-in-code.ts";

test("a code that cannot be left beside the database signs in all the same, once, and leaves no file", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-sign-in-"));
  t.after(() => rm(folder, { recursive: true }));
  const [missing, own] = [join(folder, "missing", "spare"), join(folder, "own")];
  const database = join(folder, "nowhere", "relay.db");
  const now = Date.now();
  const code = await createCode(database, now, [missing, own]);
  const [file = "", ...others] = await readdir(own);
  assert.deepEqual(others, []);
  assert.ok(!file.includes(code));
  assert.equal((await stat(join(own, file))).mode & 0o777, 0o600);
  assert.equal((await stat(own)).mode & 0o777, 0o700);
  assert.equal(await useCode(database, "x".repeat(32), now, [missing, own]), false);
  assert.equal(await useCode(join(folder, "other.db"), code, now, [missing, own]), false);
  assert.equal(await useCode(database, code, now, [missing, own]), true);
  assert.equal(await useCode(database, code, now, [missing, own]), false);
  assert.deepEqual(await readdir(own), []);
});

test("a folder that others can write to is not taken for one's own: its files sign nobody in", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-sign-in-"));
  t.after(() => rm(folder, { recursive: true }));
  const own = join(folder, "own");
  const database = join(folder, "nowhere", "relay.db");
  const code = await createCode(database, Date.now(), [own]);
  await chmod(own, 0o777);
  assert.equal(await useCode(database, code, Date.now(), [own]), false);
  await assert.rejects(createCode(database, Date.now(), [own]), { code: "ENOENT" });
  await chmod(own, 0o700);
  assert.equal(await useCode(database, code, Date.now(), [own]), true);
});
