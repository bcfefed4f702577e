// A rejection that nobody hears does not end the relay.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const module = JSON.stringify(join(import.meta.dirname, "../../src/telemetry/log.ts"));

test("a rejection that nobody hears is logged, and the process goes on", () => {
  const script = `
    const { logRejections } = await import(${module});
    const lines = [];
    const log = { error: ({ err }, message) => lines.push(message + ": " + err.split("\\n")[0]) };
    const stop = logRejections(log);
    Promise.reject(new Error("unheard"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    stop();
    console.log(lines.join());
  `;
  const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  assert.deepEqual([status, stdout.trim()], [0, "unhandled rejection: Error: unheard"]);
});
