// The loop's longest silence under any single request, through the whole relay: received, read, converted, sent, answered. What counts is
// the time for which one request keeps every other from having a turn, as processor time of the loop's thread: other programs of a busy
// machine are not the relay's fault. `node test/hostile/loop.hostile.ts [--short]`.

import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { floods } from "../dialects/chat/flood-bodies.ts";
import { startRelay, testAccount } from "../support/relay.ts";
import { answerFloods } from "./answer-floods.ts";
import type { PeerOrder, PeerReport } from "./loop-peer.ts";
import { requestFloods } from "./request-floods.ts";

const maxSilenceMs = 50;
const isShort = process.argv.includes("--short");
/** The heaviest ones, each of another kind. */
const heaviest = [
  "10 MB of text",
  "a 10 MB image",
  "100,000 messages",
  "300,000 parts",
  "300,000 short parameters",
  "2 million empty lists",
];
/** Names no model of Claude's, so it is not converted, and would go to another provider. */
const elsewhere = "a 10 MB model";
const requests = isShort ? requestFloods.filter(({ isHeavy }) => isHeavy) : requestFloods;
const answers = isShort ? answerFloods.filter(({ isHeavy }) => isHeavy) : answerFloods;
const titles = isShort ? heaviest : floods.map(([title]) => title).filter((title) => title !== elsewhere);

for (const title of titles)
  if (!floods.some(([known]) => known === title)) throw new Error(`there is no flood of the name ${title}`);

const peer = fork(join(import.meta.dirname, "loop-peer.ts"));
peer.once("exit", failEarly);
const [ready] = (await once(peer, "message")) as [PeerReport];
if (ready.kind !== "ready") throw new Error("the peer is not ready");
const relay = await startRelay({ accounts: [testAccount("first", "claude-api", ready.url)] });

async function ask(order: Omit<PeerOrder, "url">): Promise<PeerReport & { kind: "answered" }> {
  peer.send({ url: relay.url, ...order } satisfies PeerOrder);
  const [report] = (await once(peer, "message")) as [PeerReport];
  if (report.kind !== "answered") throw new Error("the peer did not ask");
  return report;
}

const chat = "/v1/chat/completions";
const native = "/v1/messages";

// A cold process loads modules and starts the conversion's thread.
for (const bytes of [10, 200_000, 200_000]) await ask({ path: chat, ask: { bytes } });
await ask({ path: native, ask: { bytes: 10 } });

const faults: string[] = [];
const figures: string[] = [];

/** Says nothing of the answer. Measured up to eight times, since a page fault or the collector may fall into one. */
async function measure(title: string, order: Omit<PeerOrder, "url">) {
  let best: { longestMs: number; workMs: number } | undefined;
  let answered: (PeerReport & { kind: "answered" }) | undefined;
  for (let tries = 0; tries < 8 && (best === undefined || best.longestMs > maxSilenceMs); tries++) {
    // A cooldown is what the account has earned with some answers; the relay notices its end within half a second.
    await relay.store.accounts.clearCooldowns("first");
    if (tries > 0) await sleep(600);
    const silence = watchLoop();
    answered = await ask(order);
    const measured = await silence.stop();
    if (best === undefined || measured.longestMs < best.longestMs) best = measured;
  }
  const { longestMs, workMs } = best!;
  figures.push(`${title}: ${longestMs} ms, of ${workMs} ms in all`);
  if (longestMs > maxSilenceMs) faults.push(`${title}: the loop was silent for ${longestMs} ms`);
  return answered!;
}

for (const title of titles) {
  const converts = floods.find(([name]) => name === title)?.[2] === true;
  const { status, text } = await measure(`asked with ${title}`, { path: chat, ask: { flood: title } });
  const isAnswered = converts ? status === 200 : status === 400 || status === 413;
  if (!isAnswered) faults.push(`${title}: answered ${status} ${text.slice(0, 200)}`);
}

for (const { title } of requests) {
  const { status, text } = await measure(`${native} asked with ${title}`, {
    path: native,
    ask: { request: title },
  });
  if (status !== 200 && status !== 400)
    faults.push(`${native}, ${title}: answered ${status} ${text.slice(0, 200)}`);
}

for (const { title, isLost = false } of answers) {
  for (const path of [chat, native] as const) {
    const { status, text, isWhole } = await measure(`${path} answered with ${title}`, {
      path,
      ask: { answer: title },
    });
    const isRefused = isLost && path === chat;
    const isWholeAnswer = status === 200 && isWhole;
    if (isRefused === isWholeAnswer)
      faults.push(`${path}, ${title}: ${status}, ${isWhole ? "whole" : "cut"}, ${text.slice(0, 200)}`);
  }
}

await relay.close();
peer.off("exit", failEarly);
peer.disconnect();
const lines = [...figures, ...faults.map((fault) => `FAULT ${fault}`)];
process.stdout.write(
  `${faults.length === 0 ? "✓" : "✗"} longest silence of the loop\n${lines.map((line) => `  ${line}\n`).join("")}`,
);
if (faults.length > 0) process.exitCode = 1;

function failEarly(code: number | null): never {
  process.stdout.write(`✗ the peer ended with code ${code}\n`);
  process.exit(1);
}

/** The longest stretch of work between two turns of a timer, and all work together. */
function watchLoop(): { stop(): Promise<{ longestMs: number; workMs: number }> } {
  let longestMs = 0;
  const begun = workedMs();
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
      return { longestMs: Math.round(longestMs), workMs: Math.round(workedMs() - begun) };
    },
  };
}

/** Of this thread; older versions of Node only know the time of day. */
function workedMs(): number {
  if (typeof process.threadCpuUsage !== "function") return performance.now();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
