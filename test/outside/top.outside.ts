// `cc-relay top` as tmux shows it: the screen is what the program has drawn, and the terminal is as it was before, however it ends.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { drawTop } from "../../src/cli/top/screens.ts";
import { createState } from "../../src/cli/top/state.ts";
import type { StatusDocument } from "../../src/documents/types.ts";
import { createStyle, withoutStyle } from "../../src/terminal/style.ts";
import { createServeFolder, type ServeFolder } from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { seedStore } from "../web/seed.ts";
import { openTmux, type TmuxSize, type TmuxTerminal } from "./tmux.ts";

const main = join(import.meta.dirname, "../../src/main.ts");
/** A shell that runs a command takes its own prompt out of the environment. */
const shellCommand = "PS1='prompt> ' exec bash --norc --noprofile -i";
const patienceMs = 60_000;

interface Site {
  folder: ServeFolder;
  url: string;
}

/** Accounts in every state, weeks of requests, and nothing that moves but the time. */
async function startSite(t: TestContext): Promise<Site> {
  const folder = await createServeFolder(t);
  await folder.look((store) => seedStore(store, Date.now()));
  await folder.configure(
    ["claude-work", "claude-private"]
      .map((id) => `[[accounts]]\nid = "${id}"\ntype = "claude-api"\napi_key = "sk-ant-api03-${id}"\n`)
      .join("\n"),
  );
  const { url } = await folder.start();
  return { folder, url };
}

function topCommand({ folder }: Site, nodeOptions = ""): string {
  return `'${process.execPath}' ${nodeOptions} '${main}' --config '${folder.configFile}' top`;
}

/** What is the same in two pictures of one moment. */
function settled(lines: readonly string[]): string[] {
  return lines.map((line) =>
    withoutStyle(line)
      .trimEnd()
      .replace(/ up (\d+\w ?)+/, " up … "),
  );
}

/** The program and this test draw at different moments: sooner or later they are within the same minute. */
async function untilShown({ url }: Site, terminal: TmuxTerminal, { columns, rows }: TmuxSize): Promise<void> {
  const style = createStyle(false);
  let compared: { shown: string[]; drawn: string[] } | undefined;
  const look = async () => {
    const status = (await (await fetch(`${url}/status`)).json()) as StatusDocument;
    const state = { ...createState(url), status };
    const picture = drawTop(
      state,
      { columns, rows },
      { style, unicode: true, fullAt: 0.98, now: Date.now() },
    );
    compared = { shown: settled(terminal.screen()), drawn: settled(picture) };
    return compared.shown.join("\n") === compared.drawn.join("\n") || undefined;
  };
  // What differs in the end is shown as such.
  await until("tmux shows the picture", look, patienceMs).catch(() =>
    assert.deepEqual(compared?.shown, compared?.drawn),
  );
}

test("tmux shows the picture that was drawn, with 80 columns and 120, and again in each new size", async (t) => {
  const site = await startSite(t);
  for (const columns of [80, 120]) {
    const terminal = openTmux(t, { columns, rows: 24, command: topCommand(site) });
    await untilShown(site, terminal, { columns, rows: 24 });
    assert.deepEqual([terminal.state("alternate_on"), terminal.state("cursor_flag")], ["1", "0"]);
    for (const size of [
      { columns: 140, rows: 40 },
      { columns: 60, rows: 12 },
    ]) {
      terminal.resize(size);
      await untilShown(site, terminal, size);
    }
  }
});

test("q, signals and a crash leave the screen, the cursor and the terminal's mode as they were", async (t) => {
  const site = await startSite(t);
  const crash = join(site.folder.path, "crash.mjs");
  await writeFile(crash, 'process.on("SIGUSR2", () => { throw new Error("a made-up fault"); });\n');
  const pidFile = join(site.folder.path, "pid");
  const kill = async (signal: NodeJS.Signals) =>
    process.kill(Number(await readFile(pidFile, "utf8")), signal);
  const ways: [string, (terminal: TmuxTerminal) => unknown, number][] = [
    ["q", (terminal) => terminal.type("q"), 0],
    ["Ctrl-C", (terminal) => terminal.type("C-c"), 130],
    ["SIGINT", () => kill("SIGINT"), 130],
    ["SIGTERM", () => kill("SIGTERM"), 143],
    ["a crash", () => kill("SIGUSR2"), 1],
  ];
  const size = { columns: 100, rows: 30 };
  for (const [name, leave, code] of ways) {
    const terminal = openTmux(t, { ...size, command: shellCommand });
    const modeOf = async (file: string) => {
      const path = join(site.folder.path, file);
      terminal.type(`stty -a | tee '${path}' | wc -l > /dev/null; echo "read ${file}"`, "Enter");
      await until("the mode is read", () => terminal.screen().includes(`read ${file}`), patienceMs);
      return await readFile(path, "utf8");
    };
    await until("the prompt", () => terminal.screen()[0] === "prompt>", patienceMs);
    const mode = await modeOf("before");
    terminal.type("clear; echo what was there before", "Enter");
    // A subshell, whose process the program becomes.
    terminal.type(
      `(echo $BASHPID > '${pidFile}'; exec ${topCommand(site, `--import '${crash}'`)}); echo "code $?"`,
      "Enter",
    );
    await untilShown(site, terminal, size);
    await leave(terminal);
    await until(`${name} ends it`, () => terminal.screen().includes(`code ${code}`), patienceMs);
    const screen = terminal.screen();
    assert.ok(screen.includes("what was there before"), `${name}: ${screen.join("\n")}`);
    assert.equal(
      screen.some((line) => line.includes("ACCOUNT ")),
      false,
      `${name}: nothing of it is left`,
    );
    if (name === "a crash") assert.ok(screen.some((line) => line.includes("a made-up fault")));
    const flags = ["alternate_on", "cursor_flag", "wrap_flag"].map(terminal.state);
    assert.deepEqual(flags, ["0", "1", "1"], name);
    assert.equal(await modeOf("after"), mode, name);
  }
});

test("Ctrl-Z and SIGTSTP give the shell its screen, and fg draws everything again", async (t) => {
  const site = await startSite(t);
  const size = { columns: 100, rows: 24 };
  const pidFile = join(site.folder.path, "pid");
  const shell = openTmux(t, { ...size, command: shellCommand });
  await until("the prompt", () => shell.screen()[0] === "prompt>", patienceMs);
  shell.type(`(echo $BASHPID > '${pidFile}'; exec ${topCommand(site)})`, "Enter");
  await untilShown(site, shell, size);
  const pid = Number(await readFile(pidFile, "utf8"));
  const ways: [string, () => void][] = [
    ["Ctrl-Z", () => shell.type("C-z")],
    ["SIGTSTP", () => process.kill(pid, "SIGTSTP")],
  ];
  for (const [name, stop] of ways) {
    stop();
    const isStopped = () => shell.screen().some((line) => /^\[1\]\+ +Stopped/.test(line));
    await until(`${name} stops it`, isStopped, patienceMs);
    assert.deepEqual(["alternate_on", "cursor_flag"].map(shell.state), ["0", "1"], name);
    shell.type("clear; fg", "Enter");
    await untilShown(site, shell, size);
  }
  shell.type("q");
  await until("the shell is back", () => shell.state("alternate_on") === "0", patienceMs);
});

const idleMs = 20_000;
const maxShare = 0.003;

test("while nothing moves it takes less than 0.3 % of a processor", async (t) => {
  const site = await startSite(t);
  const size = { columns: 100, rows: 24 };
  const terminal = openTmux(t, { ...size, command: `exec ${topCommand(site)}` });
  await untilShown(site, terminal, size);
  const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  const pid = terminal.state("pane_pid");
  const usedMs = async () => {
    // proc(5): utime and stime are the 12th and 13th field behind the name, which is in brackets.
    const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]!.split(" ");
    return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1000;
  };
  const before = await usedMs();
  await sleep(idleMs);
  const used = (await usedMs()) - before;
  t.diagnostic(`${used} ms of ${idleMs} ms`);
  assert.ok(used < idleMs * maxShare, `${used} ms of ${idleMs} ms`);
});
