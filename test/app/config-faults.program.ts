// A configuration file that is emptied, truncated or taken away under a running relay, as full disks and sync tools do it.

import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { cases } from "../relay/cases.ts";
import { send } from "../support/client.ts";
import { claudeAccounts, createServeFolder } from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";

test("an empty, a truncated and a vanished configuration leave the old one, said once; other bytes and SIGHUP count", async (t) => {
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const folder = await createServeFolder(t);
  // Above the section that `configure` begins with.
  const configure = async (keys: string, ids?: readonly string[]) => {
    await writeFile(
      folder.configFile,
      `api_keys = [${keys}]\n[server]\nport = 0\ndatabase_path = "relay.db"\n${claudeAccounts(upstream.url, ids)}`,
      { mode: 0o600 },
    );
  };
  await configure('"relay-key-1", "relay-key-2"');
  const relay = await folder.start();
  const whole = await readFile(folder.configFile, "utf8");
  const ask = async (key: string) =>
    (await send(relay.url, cases.claude.request({ headers: ["x-api-key", key] }))).status;
  const said = (pattern: RegExp) => relay.lines().filter(({ msg }) => pattern.test(String(msg))).length;
  const reloads = () => said(/was reloaded/);
  const unfinished = () => said(/does not look finished/);

  await writeFile(folder.configFile, "");
  await until("it is said", () => unfinished() === 1);
  await writeFile(folder.configFile, whole.slice(0, whole.lastIndexOf("[[accounts]]")));
  await until("it is said of the other fault", () => unfinished() === 2);
  assert.deepEqual([await ask("relay-key-1"), await ask("wrong")], [200, 401]);
  await rm(folder.configFile);
  await until("it is said", () => said(/is gone/) === 1);
  assert.deepEqual([await ask("relay-key-1"), await ask("wrong")], [200, 401]);

  await configure('"relay-key-2"', ["a"]);
  await until("the reload", () => reloads() > 0);
  assert.deepEqual([said(/is gone/), unfinished(), reloads()], [1, 2, 1]);
  assert.deepEqual([await ask("relay-key-1"), await ask("relay-key-2")], [401, 200]);

  // The last account's lines are the end of the file: what is left is a beginning of it.
  const removed = await folder.run(["accounts", "remove", "a", "--yes"]);
  await until(`the reload ${removed}`, () => reloads() === 2);
  assert.equal(await ask("relay-key-2"), 503);

  await writeFile(folder.configFile, "");
  await until("it is said", () => unfinished() === 3);
  relay.kill("SIGHUP");
  await until("the reload", () => reloads() === 3);
});
