import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "../support/child-environment.ts";
import { program } from "../support/program.ts";

const bin = fileURLToPath(new URL("../../bin/cc-relay.js", import.meta.url));
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "cc-relay-main-"));
});
after(() => rmSync(folder, { recursive: true }));

function environment() {
  return childEnvironment(folder, { XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder });
}

function start(args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    cwd: folder,
    env: environment(),
  });
  return { status, stdout, stderr };
}

describe("the program", () => {
  it("prints its version and exits with 0", () => {
    assert.deepEqual(start(["--version"]), { status: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("prints help on standard output when it is asked for, on standard error when nothing was", () => {
    const asked = start(["--help"]);
    const nothing = start([]);
    assert.deepEqual([asked.status, asked.stderr], [0, ""]);
    assert.deepEqual([nothing.status, nothing.stdout], [2, ""]);
    assert.match(asked.stdout, /^Usage: cc-relay/);
    assert.equal(nothing.stderr, asked.stdout);
  });

  it("exits with 2 for wrong usage and 1 for a wrong configuration", () => {
    assert.equal(start(["env", "--nonsense"]).status, 2);
    const file = join(folder, "broken.toml");
    writeFileSync(file, "[server]\nprot = 1\n");
    const { status, stdout, stderr } = start(["--config", file, "env", "claude"]);
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^✗ the configuration has 1 problem\n/);
    assert.match(stderr, /prot/);
  });

  it("names the file of this call in the command that fixes its problems", () => {
    const file = join(folder, "login.toml");
    writeFileSync(file, '[[accounts]]\nid = "max"\ntype = "claude-oauth"\n');
    for (const args of [
      ["env", "claude"],
      ["serve", "--port", "0"],
    ]) {
      const { status, stderr } = start(["--config", file, ...args]);
      assert.equal(status, 1);
      assert.ok(stderr.endsWith(`is missing\n    - run: cc-relay --config ${file} login claude\n`), stderr);
    }
  });

  it("is not disturbed by a reader that leaves early", async () => {
    const child = spawn(process.execPath, [program, "completion", "fish"], {
      cwd: folder,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    assert.deepEqual(await once(child, "close"), [0, null]);
    assert.equal(stderr, "");
  });

  it("writes all of a long output into a pipe", () => {
    const { stdout } = start(["completion", "zsh"]);
    assert.match(stdout, /^#compdef cc-relay\n/);
    assert.ok(stdout.endsWith("compdef _cc_relay cc-relay\nfi\n"));
  });
});

describe("bin/cc-relay.js", () => {
  it("is syntax that every Node since 12 reads", () => {
    const source = readFileSync(bin, "utf8");
    assert.match(source, /^#!\/usr\/bin\/env node\n/);
    assert.doesNotMatch(source, /\?\.|\?\?|\|\|=|^\s*(import|export) /m);
  });

  it("says in one line that a Node is too old, and exits with 2", () => {
    for (const old of ["12.22.12", "20.19.0", "22.18.0"]) {
      const pretend = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${old}" } }); require(${JSON.stringify(bin)})`;
      const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", pretend], { encoding: "utf8" });
      assert.deepEqual([status, stdout], [2, ""]);
      assert.equal(
        stderr,
        `cc-relay needs Node 22.19 or newer, and this is Node ${old} (${process.execPath}): get one from https://nodejs.org\n`,
      );
    }
  });
});
