// `cc-relay top` in a real pseudo-terminal (util-linux's `script`) over a real `serve`: how it ends, what it leaves behind, and
// what it does when it is stopped, continued and resized.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { program } from "../../support/program.ts";
import { createServeFolder, type ServeFolder } from "../../support/serve-process.ts";
import { until } from "../../support/until.ts";
import { openTerminal, type Terminal } from "./script-terminal.ts";

const entered = "\u001b[?1049h";
const left = "\u001b[?1049l";

interface OpenTop extends Terminal {
  kill(signal: NodeJS.Signals): void;
  resize(size: { rows: number; columns: number }): void;
}

async function startServe(t: TestContext): Promise<ServeFolder> {
  const folder = await createServeFolder(t);
  await folder.configure("");
  await folder.start();
  return folder;
}

function topCommand(folder: ServeFolder, nodeOptions = ""): string {
  return `'${process.execPath}' ${nodeOptions} '${program}' --config '${folder.configFile}' top`;
}

async function openTop(t: TestContext, folder: ServeFolder, nodeOptions?: string): Promise<OpenTop> {
  const factsFile = join(folder.path, `facts-${Math.random()}`);
  const command = topCommand(folder, nodeOptions);
  const terminal = openTerminal(t, `echo $$ $(tty) > ${factsFile}; exec ${command}`);
  await until("the screen is shown", () => terminal.output().includes("ACCOUNT"));
  const [pid = "", device = ""] = (await readFile(factsFile, "utf8")).trim().split(" ");
  return {
    ...terminal,
    kill: (signal) => void process.kill(Number(pid), signal),
    resize: ({ rows, columns }) =>
      void execFileSync("stty", ["-F", device, "rows", String(rows), "cols", String(columns)]),
  };
}

test("every way out has its exit code and gives the terminal back", async (t) => {
  const folder = await startServe(t);
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
  const folder = await startServe(t);
  const top = await openTop(t, folder);
  top.kill("SIGTSTP");
  await until("the terminal is given back", () => top.output().includes(left));
  top.kill("SIGCONT");
  await until("it is drawn again", () => top.output().split(left)[1]?.includes("ACCOUNT"));
  top.type("q");
  assert.equal(await top.exitCode, 0);
});

test("a crash gives the terminal back before it prints what has happened", async (t) => {
  const folder = await startServe(t);
  const crash = join(folder.path, "crash.mjs");
  await writeFile(crash, 'process.on("SIGUSR2", () => { throw new Error("a made-up fault"); });\n');
  const top = await openTop(t, folder, `--import '${crash}'`);
  top.kill("SIGUSR2");
  assert.equal(await top.exitCode, 1);
  const [before, after, ...others] = top.output().split(left);
  assert.deepEqual(others, []);
  assert.ok(before?.endsWith("\u001b[?25h"), "the cursor is shown again");
  assert.match(after ?? "", /a fault of cc-relay itself[\s\S]*a made-up fault/);
});

test("Ctrl-Z in a shell gives its terminal back whole, and fg draws everything again", async (t) => {
  const folder = await startServe(t);
  const shell = openTerminal(t, "exec bash --norc --noprofile -i");
  shell.type(`${topCommand(folder)}\n`);
  await until("the screen is shown", () => shell.output().includes("ACCOUNT"));
  shell.type("\u001a");
  await until("it is stopped", () => /\[1\]\+ +Stopped/.test(shell.output()));
  assert.equal(shell.output().split(left).length, 2, "the alternate screen is left once");
  shell.type("fg\n");
  const drawn = () => shell.output().split(left)[1]?.split(entered)[1];
  await until("it is drawn again", () => drawn()?.includes("ACCOUNT"));
  // One key without Enter is read in raw mode only, which the shell has ended meanwhile.
  shell.type("q");
  await until("the prompt is there", () => shell.output().split(left)[2]?.includes("prompt> "));
  shell.type("exit\n");
  assert.equal(await shell.exitCode, 0);
});

test("a terminal that becomes larger or smaller is drawn anew, in its own width and height", async (t) => {
  const folder = await startServe(t);
  const top = await openTop(t, folder);
  const last = () => top.output().split("\u001b[2J").at(-1) ?? "";
  for (const [rows, columns] of [
    [40, 140],
    [12, 60],
  ] as const) {
    const drawings = top.output().split("\u001b[2J").length;
    top.resize({ rows, columns });
    await until("it is drawn again", () => top.output().split("\u001b[2J").length > drawings);
    // stty sets rows and columns one after the other.
    await until(
      "it is drawn in its own size",
      () => last().includes(`\u001b[${rows};1H`) && last().includes("COST") === (columns === 140),
    );
    assert.doesNotMatch(last(), new RegExp(`\u001b\\[${rows + 1};1H`));
  }
  top.type("q");
  assert.equal(await top.exitCode, 0);
});
