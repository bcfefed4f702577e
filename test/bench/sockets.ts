// What a step of Codex costs over WebSocket and over HTTP, and what an idle pair of sockets costs: bytes that go to the provider, CPU time
// and memory of the relay. `node test/bench/sockets.ts [--short]`; `npm run bench` runs it, too.

import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { builtProgram, createServeFolder } from "../support/serve-process.ts";
import type { SocketRound, SocketRoundResult } from "./socket-driver.ts";

const short = process.argv.includes("--short");
const rounds = short ? 3 : 5;
const conversations = short ? 16 : 40;
const steps = 10;
const pairs = 1000;
/** What 1,000 idle pairs may take each, and the ratio of CPU time to HTTP beyond which the long form fails. */
const maxPairKiB = 40;
const maxRatio = 1.5;

const kinds = {
  http: { kind: "http", deflates: false },
  socket: { kind: "socket", deflates: false },
  deflated: { kind: "socket", deflates: true },
} as const;

type Kind = keyof typeof kinds;

const cleanups: (() => unknown)[] = [];
const driver = fork(join(import.meta.dirname, "socket-driver.ts"), { execArgv: [] });
pin(driver, 1);
try {
  const { port } = await message<{ port: number }>(driver);
  const folder = await createServeFolder(
    { after: (cleanup) => void cleanups.push(cleanup as () => unknown) },
    builtProgram,
  );
  await folder.configure(
    ["a", "b"]
      .map(
        (id) =>
          `[[accounts]]\nid = "${id}"\ntype = "openai-responses"\napi_key = "key-of-${id}"\napi_url = "http://127.0.0.1:${port}/v1"\n`,
      )
      .join(""),
  );
  const idle = await holdPairs(await folder.start());
  const { pid, url } = await folder.start();
  pin({ pid }, 0);
  const costs = await measure({ pid, url });
  const { http, socket, deflated } = costs;
  const ratio = socket.us / http.us;
  const lines = [
    `Codex step over HTTP       ${figures(http)}`,
    `  over WebSocket           ${figures(socket)}, CPU ratio ${ratio.toFixed(2)} (target 1)`,
    `  provider that deflates   ${figures(deflated)}, CPU ratio ${(deflated.us / http.us).toFixed(2)}`,
    `${pairs} idle pairs of sockets ${idle.toFixed(1)} KiB each (target ${maxPairKiB})`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  if (!short && (ratio > maxRatio || idle > maxPairKiB)) process.exitCode = 1;
} finally {
  driver.send({ kind: "stop" } satisfies SocketRound);
  for (const cleanup of cleanups) await cleanup();
}

interface Cost {
  bytes: number;
  us: number;
}

function figures({ bytes, us }: Cost): string {
  return `${(bytes / 1024).toFixed(1)} KiB to the provider, ${us.toFixed(0)} µs`;
}

/** A B C, A B C …: the median of each. */
async function measure(relay: { pid: number; url: string }): Promise<Record<Kind, Cost>> {
  const seen: Record<Kind, Cost[]> = { http: [], socket: [], deflated: [] };
  for (let index = -1; index < rounds; index++) {
    for (const name of Object.keys(kinds) as Kind[]) {
      const [bytes, ms] = [await bytesSoFar(relay.url), cpuMs(relay)];
      const order = { ...kinds[name], url: relay.url, conversations, steps };
      const after = await round(order);
      const count = conversations * steps;
      // The first time is to warm up.
      if (index >= 0)
        seen[name].push({ bytes: (after - bytes) / count, us: ((cpuMs(relay) - ms) * 1000) / count });
    }
  }
  const middle = (costs: Cost[], of: keyof Cost) =>
    costs.map((cost) => cost[of]).toSorted((a, b) => a - b)[Math.floor(costs.length / 2)]!;
  const median = (costs: Cost[]): Cost => ({ bytes: middle(costs, "bytes"), us: middle(costs, "us") });
  return { http: median(seen.http), socket: median(seen.socket), deflated: median(seen.deflated) };
}

/** KiB that a process which has worked grows by for each pair of sockets that is open and idle, from the beginning. */
async function holdPairs({
  pid,
  url,
  ...relay
}: {
  pid: number;
  url: string;
  kill(s: "SIGTERM"): void;
  exited: Promise<unknown>;
}): Promise<number> {
  // What is loaded and grown once, the young generation above all, is not the pairs'.
  await round({ ...kinds.http, url, conversations: 48, steps });
  await round({ kind: "hold", url, pairs: 100 });
  await round({ kind: "hold", url, pairs: 0 });
  await sleep(500);
  const before = rssKiB({ pid });
  await round({ kind: "hold", url, pairs });
  await sleep(1000);
  const each = (rssKiB({ pid }) - before) / pairs;
  await round({ kind: "hold", url, pairs: 0 });
  relay.kill("SIGTERM");
  await relay.exited;
  return each;
}

async function round(order: SocketRound): Promise<number> {
  driver.send(order);
  const { failed, bytes } = await message<SocketRoundResult>(driver);
  if (failed > 0) throw new Error(`${failed} failed: ${JSON.stringify(order)}`);
  return bytes;
}

/** A round of nothing counts what has come. */
function bytesSoFar(url: string): Promise<number> {
  return round({ kind: "hold", url, pairs: 0 });
}

/** The relay has one core, and what it is measured with has the other. */
function pin({ pid }: Pick<ChildProcess, "pid">, core: number): void {
  spawnSync("taskset", ["-apc", String(core), String(pid)]);
}

/** User and system time; the kernel counts in hundredths of a second. */
function cpuMs({ pid }: { pid: number }): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function rssKiB({ pid }: { pid: number }): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4;
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => child.once("message", (value) => resolve(value as T)));
}
