// What a service manager and a container see of a relay: how it ended, and whether it answers.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { childEnvironment } from "../support/child-environment.ts";
import { createServeFolder, type ServeFolder } from "../support/serve-process.ts";

const healthCheck = join(import.meta.dirname, "../../src/cli/service/health-check.ts");

/** Exit code; `variables` are those of the container. */
function checkHealth(pid: number, variables: Record<string, string>, folder: ServeFolder): Promise<number> {
  const env = childEnvironment(folder.path, variables);
  return new Promise((resolve) => {
    execFile(process.execPath, [healthCheck, String(pid)], { cwd: "/", env }, (error) =>
      resolve(error ? Number(error.code) : 0),
    );
  });
}

test("the health check asks the port that the relay has, and fails when nobody answers", async (t) => {
  const folder = await createServeFolder(t);
  await folder.configure("");
  const check = () => checkHealth(process.pid, { CC_RELAY_CONFIG: folder.configFile }, folder);
  const relay = await folder.start();
  assert.equal(await check(), 0);
  relay.kill("SIGTERM");
  await relay.exited;
  assert.equal(await check(), 1);
});

test("the health check reads the configuration that the container's command names with --config", {
  skip: process.platform !== "linux" && "the image is Linux",
}, async (t) => {
  const folder = await createServeFolder(t);
  await folder.configure("");
  const relay = await folder.start();
  assert.equal(await checkHealth(relay.pid, {}, folder), 0);
  // As an init does, another program may be the one that has the arguments.
  const child = spawn("sh", [
    "-c",
    "read line",
    "init",
    "cc-relay",
    `--config=${folder.configFile}`,
    "serve",
  ]);
  t.after(() => child.kill("SIGKILL"));
  await once(child, "spawn");
  assert.equal(await checkHealth(child.pid!, {}, folder), 0);
});

test("a crash has another exit code than a start that is not possible", async (t) => {
  const folder = await createServeFolder(t);
  await folder.configure("");
  const fault = "--import=data:text/javascript,process.on('SIGUSR2',()=>{throw%20Error('crash')})";
  const relay = await folder.start([], ["env", `NODE_OPTIONS=${fault}`]);
  relay.kill("SIGUSR2");
  assert.deepEqual(await relay.exited, { code: 70, signal: null });
  await folder.configure("unknown = 1");
  assert.equal((await folder.spawn().exited).code, 1);
});
