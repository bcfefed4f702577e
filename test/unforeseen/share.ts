// One process's share of the cases: relays with one to three accounts of every kind, and one strange case after another in each.

import { createPace } from "./pace.ts";
import { createWorld, type World, type WorldOptions } from "./world.ts";

export interface Share {
  cases: number;
  seed: number;
  maxSeconds: number;
}

export interface Report {
  faults: string[];
  done: number;
  repeated: number;
  undecided: number;
  growthMb: number;
}

/** What a process keeps for its caches, once it has warmed up. */
const maxGrowthMb = 96;
const maxFaults = 20;
/** Of all cases. */
const maxUndecided = 0.01;
const manyCases = 5000;

process.once("message", (share: Share) => {
  runShare(share).then((report) =>
    process.send?.(report, () => {
      process.disconnect();
      process.exit(0);
    }),
  );
});

async function runShare({ cases, seed, maxSeconds }: Share): Promise<Report> {
  const faults: string[] = [];
  process.on("unhandledRejection", (reason) => {
    faults.push(`an unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}`);
  });
  const pace = createPace();
  // Most of a case's time is spent waiting for time limits.
  const sets = cases > manyCases ? [worldOptions(), worldOptions()] : [worldOptions()];
  const worlds = await Promise.all(
    sets.flat().map((options, index) => createWorld({ ...options, seed: seed + index, pace })),
  );
  const begun = performance.now();
  let done = 0;
  let heapAtStart = 0;
  const work = async (world: World) => {
    while (done < cases && (performance.now() - begun) / 1000 < maxSeconds && faults.length < maxFaults) {
      done++;
      faults.push(...(await world.next()));
      if (done === Math.min(500, cases >> 1)) heapAtStart = heapMb();
    }
  };
  await Promise.all(worlds.map(work));
  for (const world of worlds) faults.push(...(await world.usageFaults()));
  const sum = (of: (world: World) => number) => worlds.reduce((total, world) => total + of(world), 0);
  const [repeated, undecided] = [sum((world) => world.repeated), sum((world) => world.undecided)];
  if (undecided > done * maxUndecided)
    faults.push(`${undecided} of ${done} cases say nothing: the machine is too busy (seed ${seed})`);
  await Promise.all(worlds.map((world) => world.close()));
  pace.close();
  const growthMb = Math.round(heapMb() - heapAtStart);
  if (growthMb > maxGrowthMb) faults.push(`the heap has grown by ${growthMb} MB (seed ${seed})`);
  return { faults, done, repeated, undecided, growthMb };
}

function worldOptions(): Pick<WorldOptions, "family" | "accounts" | "kind">[] {
  const families = ["claude", "gemini", "openai", "chat"] as const;
  return families.flatMap((family) => [
    ...[1, 2, 3].map((accounts) => ({ family, accounts })),
    ...(family === "gemini" ? [] : [{ family, accounts: 2, kind: "compatible" as const }]),
    ...(family === "chat" ? [] : [{ family, accounts: 2, kind: "client" as const }]),
  ]);
}

function heapMb(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1024 / 1024;
}
