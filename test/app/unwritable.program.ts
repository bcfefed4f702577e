// A relay with a login, in places where it cannot write: a configuration that is mounted read-only, and a full disk.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, readdir, readFile, stat } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { cases } from "../relay/cases.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { send } from "../support/client.ts";
import { createServeFolder, type ServeFolder } from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

const run = promisify(execFile);

interface Stage {
  upstream: ScriptedUpstream;
  authorization: AuthorizationServer;
  folder: ServeFolder;
}

async function setStage(t: TestContext): Promise<Stage> {
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const authorization = await startAuthorizationServer();
  t.after(() => authorization.close());
  authorization.expiresIn = 1;
  const folder = await createServeFolder(t);
  await folder.configure(
    `[oauth.claude]\ntoken_url = "${authorization.url}/token"\n[[accounts]]\nid = "claude-1"\ntype = "claude-oauth"\n` +
      `refresh_token = "${authorization.issue("claude-1")}"\napi_url = "${upstream.url}"\n`,
  );
  return { upstream, authorization, folder };
}

async function ask(url: string): Promise<void> {
  const answer = await send(url, cases.claudeLogin.request());
  assert.deepEqual([answer.status, answer.end], [200, "clean"], answer.text);
}

test("rotated tokens live in the database: a configuration that cannot be written is not missed, and not touched", async (t) => {
  const { authorization, folder } = await setStage(t);
  await chmod(folder.configFile, 0o444);
  const about = async () => {
    const { ino, mtimeMs, mode } = await stat(folder.configFile);
    return { ino, mtimeMs, mode, text: await readFile(folder.configFile, "utf8") };
  };
  const before = await about();
  for (let start = 0; start < 2; start++) {
    const relay = await folder.start();
    await ask(relay.url);
    await sleep(600);
    await ask(relay.url);
    relay.kill("SIGTERM");
    await relay.exited;
  }
  assert.ok(authorization.requests.length >= 3);
  assert.equal(authorization.killed, 0);
  assert.deepEqual(await about(), before);
});

/** As a full disk, for these processes alone: no file can be written beyond its first bytes. */
async function limitFiles(pids: readonly number[], limit: "1" | "unlimited"): Promise<void> {
  for (const pid of pids) await run("prlimit", ["--pid", String(pid), `--fsize=${limit}:unlimited`]);
}

async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")));
  // proc(5): the name, in parentheses, may hold anything; state and parent follow it.
  const parents = stats.map((text) => Number(/^.*\) \S (\d+)/s.exec(text)?.[1]));
  return pids.map(Number).filter((_, index) => parents[index] === parent);
}

test("with a full disk a login is refreshed, used and kept; not even kill -9 of the relay loses it", async (t) => {
  const { upstream, authorization, folder } = await setStage(t);
  const first = await folder.start();
  await ask(first.url);
  const stored = await folder.look((store) => store.tokens.load("claude-1"));
  authorization.expiresIn = 28_800;
  await sleep(600);
  await limitFiles([first.pid], "1");
  await ask(first.url);
  const used = upstream.requests.at(-1)!.credential;
  assert.notEqual(used, stored?.accessToken);
  assert.ok(authorization.accepts(used));
  const now = await folder.look((store) => store.tokens.load("claude-1"));
  assert.equal(now?.refreshToken, stored?.refreshToken, "nothing could be written");
  await until("it is said", () => first.stderr().includes("cannot be written to the database"));

  const keepers = await childrenOf(first.pid);
  assert.equal(keepers.length, 1);
  t.after(() => limitFiles(keepers, "unlimited").catch(() => {}));
  first.kill("SIGKILL");
  await first.exited;
  const second = await folder.start();
  const asked = ask(second.url);
  await sleep(300);
  await limitFiles(keepers, "unlimited");
  await asked;
  assert.equal(upstream.requests.at(-1)!.credential, used);
  assert.equal(authorization.requests.length, 2, "the pair that was kept is used");
  assert.equal(authorization.killed, 0);
});
