import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { program } from "../support/program.ts";
import { createRunPlace, type RunPlace } from "./run-place.ts";

let place: RunPlace;
beforeEach(async () => {
  place = await createRunPlace();
});
afterEach(() => place.close());

describe("the process that runs a client", () => {
  async function start(args: string[]) {
    const config = join(place.folder, "config.toml");
    writeFileSync(config, `api_keys = ["relay-key"]\n[server]\nport = ${place.port}\n`);
    const child = spawn(process.execPath, [program, "--config", config, "run", "claude", ...args], {
      env: place.environment(),
      cwd: place.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const closed = once(child, "close");
    return {
      child,
      output: () => ({ stdout, stderr }),
      end: async () => {
        const [code, signal] = await closed;
        return { code, signal, stderr };
      },
      async ready() {
        while (!stdout.includes("ready")) {
          await Promise.race([
            once(child.stdout, "data"),
            closed.then(() => assert.fail(`it ended: ${stderr}`)),
          ]);
        }
      },
    };
  }

  it("exits with the client's code and lets it write to our standard output", async () => {
    place.install("claude", 'process.stdout.write("said"); process.exitCode = 5;');
    const { end, output } = await start(["--", "-p", "x"]);
    assert.deepEqual(await end(), { code: 5, signal: null, stderr: "" });
    assert.equal(output().stdout, "said");
    assert.deepEqual(place.seen().args, ["-p", "x"]);
  });

  it("passes options on without -- too", async () => {
    place.install("claude");
    const { end } = await start(["-p", "x", "--config", "y"]);
    assert.deepEqual(await end(), { code: 0, signal: null, stderr: "" });
    assert.deepEqual(place.seen().args, ["-p", "x", "--config", "y"]);
  });

  it("dies of the signal that the client died of", async () => {
    place.install(
      "claude",
      'process.stdout.write("ready"); process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000);',
    );
    const { end } = await start([]);
    assert.deepEqual(await end(), { code: null, signal: "SIGTERM", stderr: "" });
  });

  it("sends SIGTERM and SIGINT on and waits for the client to end in its own way", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      place.install(
        "claude",
        `process.on("${signal}", () => process.exit(9)); process.stdout.write("ready"); setInterval(() => {}, 1000);`,
      );
      const { child, end, ready } = await start([]);
      await ready();
      child.kill(signal);
      assert.deepEqual(await end(), { code: 9, signal: null, stderr: "" });
    }
  });
});
