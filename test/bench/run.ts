// `npm run bench`: what a request costs in the relay against the bare pass-through, in CPU time of the process, A B A B.
// Absolute figures say little on a shared machine; the ratio inside one run does. `--short` is the form that CI runs; names of
// cases behind the flags choose among them.

import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CaseName, Round } from "./driver.ts";

const short = process.argv.includes("--short");
const here = import.meta.dirname;
const chosen = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const rounds = short ? 3 : 5;

interface Case {
  name: CaseName;
  title: string;
  requests: number;
  concurrency: number;
  /** What the relay is to cost at most, as a multiple of the floor. */
  target: number;
  /** Beyond this it is no noise: the run fails, if a second measurement says the same. */
  ceiling: number;
}

const cases: Case[] = [
  {
    name: "small",
    title: "small JSON",
    requests: short ? 1500 : 4000,
    concurrency: 16,
    target: 0.75,
    ceiling: 2.2,
  },
  {
    name: "stream",
    title: "stream of 200 events",
    requests: short ? 300 : 800,
    concurrency: 16,
    target: 1,
    ceiling: 1.6,
  },
  {
    name: "megabyte",
    title: "1 MB request",
    requests: short ? 150 : 400,
    concurrency: 4,
    target: 1,
    ceiling: 2,
  },
  {
    name: "slow",
    title: "1,000 slow streams",
    requests: 1000,
    concurrency: 1000,
    target: 1.1,
    ceiling: 2.4,
  },
];

/** Each takes two descriptors in the relay, and two in the driver. */
const manyStreams = 10_000;

interface Contestant {
  name: "relay" | "floor";
  process: ChildProcess;
  url: string;
  startMs: number;
}

const folder = mkdtempSync(join(tmpdir(), "cc-relay-bench-"));
const contestants: Contestant[] = [];
const driver = fork(join(here, "driver.ts"), { execArgv: [] });
pin(driver, 1);

try {
  const { port } = await message<{ port: number }>(driver);
  contestants.push(await startRelay(port), await startFloor(port));
  const idle = rssMiB(contestants[0]!);
  const lines = [`start ${contestants[0]!.startMs.toFixed(0)} ms, idle RSS ${idle} MiB`];
  for (const one of cases.filter(({ name }) => isChosen(name))) lines.push(await measureTwiceIfBeyond(one));
  if (isChosen("many") && !short) {
    // Its idle connections count against the driver's limit of open files.
    await stop(contestants.pop()!);
    lines.push(await holdMany());
  }
  process.stdout.write(`${lines.join("\n")}\n`);
} finally {
  driver.send("stop");
  await Promise.all(contestants.map(stop));
  rmSync(folder, { recursive: true, force: true });
}

function isChosen(name: string): boolean {
  return chosen.length === 0 || chosen.includes(name);
}

async function measureTwiceIfBeyond(one: Case): Promise<string> {
  const first = await measure(one);
  if (first.ratio <= one.ceiling) return first.line;
  const second = await measure(one);
  if (second.ratio > one.ceiling) process.exitCode = 1;
  return `${first.line}, beyond ${one.ceiling}; again:\n${second.line}`;
}

async function measure(one: Case): Promise<{ ratio: number; line: string }> {
  const costs: Record<Contestant["name"], number[]> = { relay: [], floor: [] };
  for (const contestant of contestants) await round(one, contestant, Math.ceil(one.requests / 4));
  for (let index = 0; index < (one.name === "slow" ? 3 : rounds); index++) {
    for (const contestant of contestants) {
      const before = cpuMs(contestant);
      await round(one, contestant, one.requests);
      costs[contestant.name].push(((cpuMs(contestant) - before) * 1000) / one.requests);
    }
  }
  const relay = median(costs.relay);
  const floor = median(costs.floor);
  const ratio = relay / floor;
  const line = `${one.title.padEnd(22)} relay ${relay.toFixed(0)} µs, floor ${floor.toFixed(0)} µs, ratio ${ratio.toFixed(2)} (target ${one.target}), relay RSS ${rssMiB(contestants[0]!)} MiB`;
  return { ratio, line };
}

/** As many streams at once in the relay as the limit of open files allows; none may fail. */
async function holdMany(): Promise<string> {
  const relay = contestants[0]!;
  const limit = Number(spawnSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }).stdout) || Infinity;
  const streams = Math.min(manyStreams, Math.floor(limit / 2) - 100);
  const before = rssMiB(relay);
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, rssMiB(relay));
  }, 100);
  await round({ ...cases[3]!, concurrency: streams }, relay, streams).finally(() => clearInterval(watch));
  const eachKiB = ((peak - before) * 1024) / streams;
  return `${streams} slow streams at once: ${eachKiB.toFixed(0)} KiB each (target 60), relay RSS ${peak} MiB`;
}

async function round(one: Case, contestant: Contestant, requests: number): Promise<void> {
  const order: Round = { case: one.name, url: contestant.url, requests, concurrency: one.concurrency };
  driver.send(order);
  const { failed } = await message<{ done: number; failed: number }>(driver);
  if (failed > 0)
    throw new Error(`${failed} of ${requests} answers of ${contestant.name} were wrong (${one.title})`);
}

async function startRelay(port: number): Promise<Contestant> {
  const file = join(folder, "config.toml");
  writeFileSync(
    file,
    `[server]\nport = 0\ndatabase_path = "relay.db"\nlog_level = "info"\n${["a", "b"]
      .map(
        (id) =>
          `[[accounts]]\nid = "${id}"\nname = "${id}"\ntype = "claude-api"\napi_key = "key-${id}"\napi_url = "http://127.0.0.1:${port}"\n`,
      )
      .join("")}`,
    { mode: 0o600 },
  );
  const begun = performance.now();
  const child = spawn(process.execPath, [join(here, "../../bin/cc-relay.js"), "--config", file, "serve"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  pin(child, 0);
  const url = await new Promise<string>((resolve, reject) => {
    let seen = "";
    child.stderr!.on("data", (chunk: Buffer) => {
      seen = (seen + chunk).slice(-4000);
      const found = /"url":"([^"]+)"/.exec(seen)?.[1];
      if (found) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`the relay ended with ${code}: ${seen}`)));
  });
  return { name: "relay", process: child, url, startMs: performance.now() - begun };
}

async function startFloor(port: number): Promise<Contestant> {
  const begun = performance.now();
  const child = spawn(process.execPath, [join(here, "floor.ts"), `http://127.0.0.1:${port}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  pin(child, 0);
  const own = await new Promise<string>((resolve) =>
    child.stdout!.once("data", (chunk: Buffer) => resolve(String(chunk).trim())),
  );
  return {
    name: "floor",
    process: child,
    url: `http://127.0.0.1:${own}`,
    startMs: performance.now() - begun,
  };
}

async function stop({ process: child }: Contestant): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}

/** Contestants share one core, and are measured one at a time; the driver has the other. */
function pin({ pid }: ChildProcess, core: number): void {
  spawnSync("taskset", ["-apc", String(core), String(pid)]);
}

/** User and system time; the kernel counts in hundredths of a second. */
function cpuMs({ process: { pid } }: Contestant): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function rssMiB({ process: { pid } }: Contestant): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
  return Math.round((pages * 4096) / 1048576);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => child.once("message", (value) => resolve(value as T)));
}
