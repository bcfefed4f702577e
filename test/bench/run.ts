// `npm run bench`: what a request costs in the built relay against the bare pass-through, in CPU time, A B A B, and against nginx and
// haproxy where they are installed, and Portkey, which npm carries. Absolute figures say little on a shared machine; the ratio inside one run does.
//
//   --short            the form that CI runs: the relay and the pass-through alone, fewer rounds; beside other work figures fail nothing,
//                      and the build's quality alone does
//   --json             one JSON document in place of the table
//   --svg FILE         the table as a picture, too
//   --peer NAME=CMD    another program, by a shell command that listens on $PORT and asks $UPSTREAM_PORT; may be repeated
//   --growth           what grows with its rows, accounts, keys and sessions instead (growth.ts)
//   NAME …             of the cases (small, stream, megabyte, large, slow, mixed, many) these alone
//
// Before it the build's quality and the delay of its events are tested (quality.bench.ts, delays.bench.ts), after it WebSockets are measured (sockets.ts).

import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchCases, type Case } from "./cases.ts";
import {
  type Contestant,
  pin,
  startFloor,
  startHaproxy,
  startNginx,
  startPeer,
  startPortkey,
  startRelay,
  type Upstream,
} from "./contestants.ts";
import type { Round } from "./driver.ts";
import { type Report, type Result, toMeasured, toSvg, toTable } from "./report.ts";

const { values: flags, positionals: chosen } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    svg: { type: "string" },
    peer: { type: "string", multiple: true, default: [] },
    growth: { type: "boolean", default: false },
  },
});
const rounds = flags.short ? 7 : 15;
/** Each takes two descriptors in the relay, and two in the driver. */
const manyStreams = 10_000;
/** The monitor measures how far its own ticks are apart: an idle loop shows this. */
const monitorTickMs = 10;

if (flags.growth) {
  await (await import("./growth.ts")).measureGrowth();
} else {
  if (chosen.length === 0)
    for (const each of ["quality.bench.ts", "delays.bench.ts"])
      runBeside("--test", "--test-reporter=dot", join(import.meta.dirname, each));
  await measureRequests();
  if (chosen.length === 0 && !flags.json)
    runBeside(join(import.meta.dirname, "sockets.ts"), ...(flags.short ? ["--short"] : []));
}

/** Another part of the suite, in a process of its own; what it prints is no part of `--json`. */
function runBeside(...args: string[]): void {
  const output = flags.json ? 2 : 1;
  const { status } = spawnSync(process.execPath, args, { stdio: ["ignore", output, 2] });
  if (status !== 0) process.exitCode = 1;
}

async function measureRequests(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cc-relay-bench-"));
  const driver = fork(join(import.meta.dirname, "driver.ts"), { execArgv: [] });
  pin(driver.pid!, 1);
  const contestants: Contestant[] = [];
  try {
    const { port } = await message<{ port: number }>(driver);
    const upstream = { port, folder };
    for (const start of starts(upstream)) {
      const started = await start();
      if (started) contestants.push(started);
    }
    const report = await measureAll(driver, contestants);
    process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : `${toTable(report)}\n`);
    if (flags.svg) writeFileSync(flags.svg, toSvg(report));
  } finally {
    driver.send("stop");
    await Promise.all(contestants.map((each) => each.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The relay first, the pass-through second. */
function starts(upstream: Upstream): (() => Promise<Contestant | undefined>)[] {
  const both = [() => startRelay(upstream), () => startFloor(upstream)];
  if (flags.short) return both;
  const peers = flags.peer.map((peer) => () => startPeer(peer, upstream));
  const others = [startNginx, startHaproxy, startPortkey].map((start) => () => start(upstream));
  return [...both, ...others, ...peers];
}

function isChosen(name: string): boolean {
  return chosen.length === 0 || chosen.includes(name);
}

async function measureAll(driver: ChildProcess, contestants: Contestant[]): Promise<Report> {
  const start = contestants.map((each) => ({
    contestant: each.name,
    ms: each.startMs,
    cpuMs: each.startCpuMs,
    idleRssMiB: each.rssMiB(),
  }));
  const results: Result[] = [];
  for (const one of benchCases(flags).filter(({ name }) => isChosen(name)))
    results.push(await measureTwiceIfBeyond(driver, contestants, one));
  const loopDelayP99Ms = isChosen("mixed") ? await loopDelay(driver, contestants[0]!) : undefined;
  let many: Report["many"];
  if (isChosen("many") && !flags.short) {
    // Their idle connections count against the driver's limit of open files.
    for (const other of contestants.splice(1)) await other.stop();
    many = await holdMany(driver, contestants[0]!);
  }
  return { start, results, loopDelayP99Ms, many };
}

async function measureTwiceIfBeyond(
  driver: ChildProcess,
  contestants: readonly Contestant[],
  one: Case,
): Promise<Result> {
  const isBeyond = ({ measured }: Result) => measured[0]!.ratio.median > one.ceiling;
  const first = await measure(driver, contestants, one);
  if (!isBeyond(first)) return first;
  const second = await measure(driver, contestants, one);
  if (isBeyond(second)) {
    if (!flags.short) process.exitCode = 1;
    process.stderr.write(`${one.title}: twice beyond ${one.ceiling} times the pass-through\n`);
  }
  return second;
}

async function measure(driver: ChildProcess, all: readonly Contestant[], one: Case): Promise<Result> {
  const contestants = await warmUp(driver, all, one);
  const costs = new Map<Contestant, number[]>(contestants.map((each) => [each, []]));
  const times = one.name === "slow" ? 3 : rounds;
  for (let index = 0; index < times; index++) {
    // Back and forth, so that nobody is always the first.
    for (const each of index % 2 === 0 ? contestants : contestants.toReversed()) {
      const before = each.cpuUs();
      await round(driver, one, each, one.requests);
      costs.get(each)!.push((each.cpuUs() - before) / one.requests);
    }
  }
  const floor = costs.get(contestants[1]!)!;
  const measured = contestants.map((each) => toMeasured(each.name, costs.get(each)!, floor, each.rssMiB()));
  return { case: one.title, target: one.target, measured };
}

/** Returns those that answer: others than the relay and the pass-through may not, and have no line then. */
async function warmUp(
  driver: ChildProcess,
  contestants: readonly Contestant[],
  one: Case,
): Promise<Contestant[]> {
  const able: Contestant[] = [];
  for (const [index, each] of contestants.entries()) {
    try {
      await round(driver, one, each, one.requests);
      able.push(each);
    } catch (error) {
      if (index < 2) throw error;
      process.stderr.write(`${(error as Error).message}\n`);
    }
  }
  return able;
}

/**
 * Small requests, streams and long prompts at once; the delay is what the relay measures of itself from its first scrape on, beyond the
 * monitor's own ticks.
 */
async function loopDelay(driver: ChildProcess, relay: Contestant): Promise<number | undefined> {
  const read = async () => {
    const text = await (await fetch(`${relay.url}/metrics`)).text();
    const betweenTicksMs = Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]) * 1000;
    return Math.max(0, betweenTicksMs - monitorTickMs);
  };
  await read();
  const load = { name: "mixed" as const, concurrency: 24, title: "mixed load" };
  await round(driver, load, relay, flags.short ? 600 : 3000);
  return await read();
}

/** As many streams at once in the relay as the limit of open files allows; none may fail. */
async function holdMany(driver: ChildProcess, relay: Contestant): Promise<Report["many"]> {
  const limit = Number(spawnSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }).stdout) || Infinity;
  const streams = Math.min(manyStreams, Math.floor(limit / 2) - 100);
  const before = relay.rssMiB();
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, relay.rssMiB());
  }, 100);
  const one = { name: "slow" as const, title: "slow streams", concurrency: streams };
  await round(driver, one, relay, streams).finally(() => clearInterval(watch));
  return { streams, eachKiB: ((peak - before) * 1024) / streams, rssMiB: peak };
}

async function round(
  driver: ChildProcess,
  one: Pick<Case, "name" | "concurrency" | "title">,
  { url, headers, name }: Contestant,
  requests: number,
): Promise<void> {
  const order: Round = { case: one.name, url, headers, requests, concurrency: one.concurrency };
  driver.send(order);
  const { failed } = await message<{ done: number; failed: number }>(driver);
  if (failed > 0) throw new Error(`${failed} of ${requests} answers of ${name} were wrong (${one.title})`);
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => child.once("message", (value) => resolve(value as T)));
}
