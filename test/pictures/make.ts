// Makes the README's pictures from the real program over its demo: terminal screens by tmux, the page by Chromium.
// `npm run pictures`; it takes less than a minute.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { shortId } from "../../src/cli/requests/columns.ts";
import type { StatusDocument } from "../../src/documents/types.ts";

import { launchChromium } from "../login/chromium.ts";
import { builtProgram } from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { drawTerminal } from "./terminal-svg.ts";

const folder = join(import.meta.dirname, "../../docs/pictures");
/** Of a name of its own: nobody's sessions are touched. */
const server = `cc-relay-pictures-${process.pid}`;
const readyMs = 60_000;

interface RunningDemo {
  url: string;
  config: string;
  stop(): void;
}

interface Screen {
  name: string;
  columns: number;
  rows: number;
  args: string;
  /** What is there when the screen can be taken. */
  shows: RegExp;
}

const screens = (movedId: string): readonly Screen[] => [
  { name: "top", columns: 120, rows: 30, args: "top", shows: /TOK\/S/ },
  { name: "accounts", columns: 90, rows: 60, args: "accounts list", shows: /\d accounts:/ },
  { name: "usage", columns: 120, rows: 30, args: "usage --by model", shows: /total/i },
  { name: "log", columns: 120, rows: 30, args: "log --limit 16", shows: /RESULT/ },
  { name: "log-request", columns: 90, rows: 30, args: `log ${shortId(movedId)}`, shows: /AFTER/ },
];

async function startDemo(): Promise<RunningDemo> {
  const child = spawn(process.execPath, [builtProgram, "serve", "--demo", "--port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const listening = await until("the demo listens", () =>
    text
      .split("\n")
      .filter((line) => line.includes('"listening"'))
      .map((line) => JSON.parse(line) as { url: string; config: string })
      .at(0),
  );
  return { ...listening, stop: () => void child.kill("SIGTERM") };
}

/** Until there are accounts in every state, and a failover among the last requests; the id of that request. */
async function untilBusy({ url }: RunningDemo): Promise<string> {
  const find = async () => {
    const status = (await (await fetch(`${url}/status`)).json()) as StatusDocument;
    const states = new Set(status.accounts.map(({ state }) => state));
    const moved = status.recent.slice(0, 11).find(({ path }) => path.length > 1);
    const isBusy = states.size >= 3 && status.recent.length >= 11 && status.running.length > 0;
    return isBusy ? moved?.id : undefined;
  };
  return await until("the demo is busy", async () => (await find()) ?? sleep(200, undefined), readyMs);
}

function tmux(...args: string[]): string {
  return execFileSync("tmux", ["-L", server, ...args], { encoding: "utf8" });
}

async function takeScreen({ config }: RunningDemo, screen: Screen): Promise<void> {
  const { name, columns, rows, args, shows } = screen;
  // By a variable, so that the commands that it suggests are those of a usual configuration.
  const program = `CC_RELAY_CONFIG='${config}' '${process.execPath}' '${builtProgram}' ${args}`;
  const size = ["-x", String(columns), "-y", String(rows)];
  tmux("new-session", "-d", "-s", name, ...size, `LANG=C.UTF-8 ${program}; sleep 60`);
  const capture = () => tmux("capture-pane", "-p", "-e", "-t", name);
  await until(`${name} is shown`, () => shows.test(capture()), 60_000);
  await sleep(500);
  const lines = trimEnd(capture().split("\n"));
  tmux("kill-session", "-t", name);
  writeFileSync(join(folder, `${name}.svg`), drawTerminal({ title: `cc-relay ${args}`, lines, columns }));
}

/** Rows below the last one that is written say nothing. */
function trimEnd(lines: readonly string[]): string[] {
  const last = lines.findLastIndex((line) => line.trim() !== "");
  return lines.slice(0, last + 1);
}

async function takePage({ config }: RunningDemo, movedId: string): Promise<void> {
  const browser = await launchChromium();
  try {
    for (const colorScheme of ["light", "dark"] as const) {
      const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, colorScheme });
      const page = await context.newPage();
      const print = [builtProgram, "--config", config, "web", "--print"];
      await page.goto(execFileSync(process.execPath, print, { encoding: "utf8" }).trim());
      for (const [name, hash, shows] of [
        ["overview", "#/overview", ".account .window"],
        ["request", `#/requests/${movedId}`, ".attempt"],
      ] as const) {
        await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
        await page.waitForSelector(shows);
        await sleep(500);
        await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
      }
      await context.close();
    }
  } finally {
    await browser.close();
  }
}

mkdirSync(folder, { recursive: true });
const demo = await startDemo();
try {
  const movedId = await untilBusy(demo);
  for (const screen of screens(movedId)) await takeScreen(demo, screen);
  await takePage(demo, movedId);
} finally {
  demo.stop();
}
