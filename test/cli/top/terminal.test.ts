// `cc-relay top` in a real pseudo-terminal (util-linux's `script`) over a real `serve`: how it ends, and what it leaves behind.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createServeFolder, type ServeFolder } from "../../support/serve-process.ts";
import { until } from "../../support/until.ts";

const main = join(import.meta.dirname, "../../../src/main.ts");
const entered = "\u001b[?1049h";
const left = "\u001b[?1049l";

interface OpenTop {
  output(): string;
  type(keys: string): void;
  kill(signal: NodeJS.Signals): void;
  exitCode: Promise<number | null>;
}

async function openTop(t: TestContext, folder: ServeFolder): Promise<OpenTop> {
  const pidFile = join(folder.path, `pid-${Math.random()}`);
  const command = `stty rows 24 cols 100; echo $$ > ${pidFile}; exec '${process.execPath}' '${main}' --config '${folder.configFile}' top`;
  const child = spawn("script", ["--quiet", "--flush", "--return", "--command", command, "/dev/null"], {
    env: { ...process.env, SHELL: "/bin/sh", TERM: "xterm-256color", LANG: "C.UTF-8" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  t.after(() => void child.kill("SIGKILL"));
  const exitCode = new Promise<number | null>((resolve) => child.once("close", resolve));
  await until("the screen is shown", () => output.includes("ACCOUNT"));
  const pid = Number(await readFile(pidFile, "utf8"));
  return {
    output: () => output,
    type: (keys) => void child.stdin.write(keys),
    kill: (signal) => void process.kill(pid, signal),
    exitCode,
  };
}

test("every way out has its exit code and gives the terminal back", async (t) => {
  const folder = await createServeFolder(t);
  await folder.configure("");
  await folder.start();
  const ways: [string, (top: OpenTop) => void, number][] = [
    ["q", (top) => top.type("q"), 0],
    ["Ctrl-C", (top) => top.type("\u0003"), 130],
    ["SIGINT", (top) => top.kill("SIGINT"), 130],
    ["SIGTERM", (top) => top.kill("SIGTERM"), 143],
    ["SIGHUP", (top) => top.kill("SIGHUP"), 129],
  ];
  for (const [name, leave, code] of ways) {
    const top = await openTop(t, folder);
    assert.ok(top.output().includes(entered), name);
    leave(top);
    assert.equal(await top.exitCode, code, name);
    const after = top.output().split(left);
    assert.equal(after.length, 2, `${name}: the alternate screen is left once`);
    assert.ok(after[0]?.endsWith("\u001b[?25h"), `${name}: the cursor is shown again`);
  }
});

test("stopped it gives the terminal back, and continued it draws everything again", async (t) => {
  const folder = await createServeFolder(t);
  await folder.configure("");
  await folder.start();
  const top = await openTop(t, folder);
  top.kill("SIGTSTP");
  await until("the terminal is given back", () => top.output().includes(left));
  top.kill("SIGCONT");
  await until("it is drawn again", () => top.output().split(left)[1]?.includes("ACCOUNT"));
  top.type("q");
  assert.equal(await top.exitCode, 0);
});
