// `npm run test:unforeseen`: strange providers and strange clients, and four things that hold whatever they do. Long: 100,000 cases.
// `--short` is the form for every day; `--cases N`, `--seed N` and `--seconds N` choose others. A failure names its seed.

import { parseArgs } from "node:util";
import { openStreams } from "./open-streams.ts";
import { createWorld, type World } from "./world.ts";

const { values } = parseArgs({
  options: {
    short: { type: "boolean" },
    cases: { type: "string" },
    seed: { type: "string" },
    seconds: { type: "string" },
  },
});
const caseCount = Number(values.cases ?? (values.short ? 1200 : 100_000));
const seed = Number(values.seed ?? 20_261_130);
/** Even the long form ends by itself; what was not done by then is said. */
const maxSeconds = Number(values.seconds ?? (values.short ? 18 : 3600));
/** What a process keeps for its caches, once it has warmed up. */
const maxGrowthMb = 96;

const faults: string[] = [];
process.on("unhandledRejection", (reason) => {
  faults.push(`an unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}`);
});

const begun = performance.now();
const secondsGone = () => (performance.now() - begun) / 1000;
const worlds: World[] = [];
for (const accounts of [1, 2, 3]) {
  for (const family of ["claude", "gemini", "openai", "chat"] as const) {
    worlds.push(await createWorld({ accounts, family, seed: seed + worlds.length }));
  }
}

let done = 0;
let heapAtStart = 0;
async function work(world: World): Promise<void> {
  while (done < caseCount && secondsGone() < maxSeconds && faults.length < 20) {
    done++;
    faults.push(...(await world.next()));
    if (done === Math.min(500, caseCount >> 1)) heapAtStart = heapMb();
  }
}
await Promise.all(worlds.map(work));
for (const world of worlds) faults.push(...(await world.usageFaults()));
for (const world of worlds) await world.close();

const growthMb = heapMb() - heapAtStart;
if (growthMb > maxGrowthMb) faults.push(`the heap has grown by ${Math.round(growthMb)} MB`);

const memory = await openStreams();
faults.push(...memory.faults);

const summary = `${done} of ${caseCount} cases, seed ${seed}, ${Math.round(secondsGone())} s, heap +${Math.round(growthMb)} MB`;
process.stdout.write(
  `${faults.length === 0 ? "✓" : "✗"} ${summary}\n  ${memory.summary}\n${faults.map((fault) => `  ${fault}\n`).join("")}`,
);
if (faults.length > 0) process.exitCode = 1;

function heapMb(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1024 / 1024;
}
