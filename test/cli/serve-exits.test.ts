// What a service manager and a container see of a relay: how it ended, and whether it answers.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { childEnvironment } from "../support/child-environment.ts";
import { createServeFolder } from "../support/serve-process.ts";

const healthCheck = join(import.meta.dirname, "../../src/cli/service/health-check.ts");

test("the health check asks the port that the relay has, and fails when nobody answers", async (t) => {
  const folder = await createServeFolder(t);
  await folder.configure("");
  const check = () =>
    new Promise<number>((resolve) => {
      const env = childEnvironment(folder.path, { CC_RELAY_CONFIG: folder.configFile });
      execFile(process.execPath, [healthCheck], { cwd: "/", env }, (error) =>
        resolve(error ? Number(error.code) : 0),
      );
    });
  const relay = await folder.start();
  assert.equal(await check(), 0);
  relay.kill("SIGTERM");
  await relay.exited;
  assert.equal(await check(), 1);
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
