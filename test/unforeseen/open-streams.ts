// What thirty open streams with bodies of 4 MB cost a relay in a process of its own: the memory that the system says it has.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { withCleanups } from "../support/cleanups.ts";
import { open } from "../support/client.ts";
import { claudeAccounts, createServeFolder } from "../support/serve-process.ts";
import { strangeFamilies } from "../support/strange.ts";
import { startUpstream } from "../support/upstream.ts";

const streams = 30;
const text = "x".repeat(4 * 1024 * 1024);

const maxGrowthMb = 15;
/** The thread that converts large bodies ends when it has been without work for a while, and gives back what it took. */
const waitMs = 20_000;

/** What does not hold, and a line for the summary. */
export async function openStreams(): Promise<{ faults: string[]; summary: string }> {
  // Other systems do not say it in the same place.
  if (process.platform !== "linux") return { faults: [], summary: "open streams: measured on Linux only" };
  const faults: string[] = [];
  const parts: string[] = [];
  for (const name of ["claude", "chat"] as const) {
    const growthMb = await growthOf(name);
    parts.push(`${name} +${growthMb} MiB`);
    if (growthMb > maxGrowthMb) faults.push(`${streams} open streams (${name}) keep ${growthMb} MiB`);
  }
  const summary = `${streams} open streams with 4 MB each: ${parts.join(", ")} (at most ${maxGrowthMb})`;
  return { faults, summary };
}

function growthOf(name: "claude" | "chat"): Promise<number> {
  return withCleanups(async (t) => {
    const upstream = await startUpstream({ family: "claude" });
    t.after(() => upstream.close());
    const folder = await createServeFolder(t);
    await folder.configure(claudeAccounts(upstream.url, ["a"]));
    const { url, pid } = await folder.start();
    const { generate, models } = strangeFamilies.find((family) => family.name === name)!;
    const ask = async (words: string) => {
      // What it remembers of requests would be in this process only, and is a lot.
      upstream.reset();
      upstream.on(() => true, { gate: (event) => (event >= 2 ? new Promise(() => {}) : undefined) });
      const answer = await open(url, generate(models.ordinary, true, words));
      await answer.read();
      return answer;
    };
    for (let index = 0; index < 20; index++) (await ask(`warm ${index}`)).abort();
    await sleep(1000);
    const before = residentMb(pid);
    const answers = [];
    for (let index = 0; index < streams; index++) answers.push(await ask(`${index} ${text}`));
    const growth = () => Math.round(residentMb(pid) - before);
    const until = Date.now() + waitMs;
    while (growth() > maxGrowthMb && Date.now() < until) await sleep(200);
    const growthMb = growth();
    for (const answer of answers) answer.abort();
    return growthMb;
  });
}

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}
