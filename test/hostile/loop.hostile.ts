// The loop's longest silence under any single request, through the whole relay: received, read, converted, sent, answered. What counts is
// the time for which one request keeps every other from having a turn, as processor time of the loop's thread: other programs of a busy
// machine are not the relay's fault. `node test/hostile/loop.hostile.ts [--short]`.

import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { floods } from "../dialects/chat/flood-bodies.ts";
import { startRelay, testAccount } from "../support/relay.ts";
import type { PeerOrder, PeerReport } from "./loop-peer.ts";

const maxSilenceMs = 100;
const isShort = process.argv.includes("--short");
/** The heaviest ones, each of another kind. */
const heaviest = [
  "10 MB of text",
  "a 10 MB image",
  "100,000 messages",
  "300,000 parts",
  "a million parameters",
  "5 million empty lists",
];
/** Names no model of Claude's, so it is not converted, and would go to another provider. */
const elsewhere = "a 10 MB model";
const titles = isShort ? heaviest : floods.map(([title]) => title).filter((title) => title !== elsewhere);

const peer = fork(join(import.meta.dirname, "loop-peer.ts"));
const [ready] = (await once(peer, "message")) as [PeerReport];
if (ready.kind !== "ready") throw new Error("the peer is not ready");
const relay = await startRelay({ accounts: [testAccount("first", "claude-api", ready.url)] });

async function ask(title: PeerOrder["title"]): Promise<PeerReport & { kind: "answered" }> {
  peer.send({ url: relay.url, title } satisfies PeerOrder);
  const [report] = (await once(peer, "message")) as [PeerReport];
  if (report.kind !== "answered") throw new Error("the peer did not ask");
  return report;
}

// A cold process loads modules and starts the conversion's thread.
for (const bytes of [10, 200_000, 200_000]) await ask(bytes);

const faults: string[] = [];
const figures: string[] = [];
for (const title of titles) {
  const converts = floods.find(([name]) => name === title)?.[2] === true;
  const silence = watchLoop();
  const { status, text } = await ask(title);
  const ms = await silence.stop();
  figures.push(`${title}: ${ms} ms`);
  const isAnswered = converts ? status === 200 : status === 400 || status === 413;
  if (!isAnswered) faults.push(`${title}: answered ${status} ${text.slice(0, 200)}`);
  if (ms > maxSilenceMs) faults.push(`${title}: the loop was silent for ${ms} ms`);
}

await relay.close();
peer.disconnect();
const lines = faults.length === 0 ? figures : faults;
process.stdout.write(
  `${faults.length === 0 ? "✓" : "✗"} longest silence of the loop\n${lines.map((line) => `  ${line}\n`).join("")}`,
);
if (faults.length > 0) process.exitCode = 1;

/** The longest stretch of work between two turns of a timer. */
function watchLoop(): { stop(): Promise<number> } {
  let longestMs = 0;
  let last = workedMs();
  const timer = setInterval(() => {
    const now = workedMs();
    longestMs = Math.max(longestMs, now - last);
    last = now;
  }, 1);
  return {
    async stop() {
      await sleep(5);
      clearInterval(timer);
      return Math.round(longestMs);
    },
  };
}

/** Of this thread; older versions of Node only know the time of day. */
function workedMs(): number {
  if (typeof process.threadCpuUsage !== "function") return performance.now();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
