// `[[notify]]` of a relay in a process of its own, whose disk becomes full and whose database is damaged.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { open, rm } from "node:fs/promises";
import { test } from "node:test";
import { cases } from "../relay/cases.ts";
import { send } from "../support/client.ts";
import { claudeAccounts, createServeFolder } from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";
import { startReceiver } from "./receiver.ts";

async function ask({ url }: { url: string }): Promise<void> {
  const answer = await send(url, cases.claude.request());
  assert.equal(answer.status, 200, answer.text);
}

test("a disk that becomes full is reported, and that it takes writes again", async (t) => {
  const hook = await startReceiver(t);
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const folder = await createServeFolder(t);
  await folder.configure(`${claudeAccounts(upstream.url)}\n[[notify]]\nwebhook = "${hook.url}/hook"\n`);
  const relay = await folder.start();
  const limitFiles = (limit: string) =>
    execFileSync("prlimit", ["--pid", String(relay.pid), `--fsize=${limit}:unlimited`]);
  limitFiles("1");
  await ask(relay);
  await until("the trouble", () => hook.events().includes("storage memory"));
  assert.match(JSON.parse(hook.received[0]!.text).message, /^the database cannot be written.*disk/);
  limitFiles("unlimited");
  await until("its end", () => hook.events().includes("storage disk"));
  assert.deepEqual(hook.events(), ["storage memory", "storage disk"]);
});

test("a database that was damaged, and one that is removed, are reported once each", async (t) => {
  const hook = await startReceiver(t);
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const folder = await createServeFolder(t);
  await folder.configure(`${claudeAccounts(upstream.url)}\n[[notify]]\nwebhook = "${hook.url}/hook"\n`);
  const first = await folder.start();
  await ask(first);
  first.kill("SIGKILL");
  await first.exited;
  const file = await open(folder.database, "r+");
  await file.write(Buffer.alloc(100, 0x5a), 0, 100, 0);
  await file.close();
  await folder.start();
  await until("the damage", () => hook.events().includes("storage damaged"));
  assert.match(JSON.parse(hook.received[0]!.text).message, /^the database was damaged: it was set aside as /);
  for (const end of ["", "-wal", "-shm"]) await rm(folder.database + end, { force: true });
  await until("the removal", () => hook.events().includes("storage removed"));
  assert.deepEqual(hook.events(), ["storage damaged", "storage removed"]);
});
