// `npm run test:unforeseen`: strange providers and strange clients, and four things that hold whatever they do. Long: 100,000 cases in
// as many processes as there are cores. `--short` is the form for every day; `--cases N`, `--seed N`, `--seconds N` and `--processes N`
// choose others. A failure names its seed.

import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { besideBroken } from "./beside-broken.ts";
import { openStreams } from "./open-streams.ts";
import { refusals } from "./refusals.ts";
import type { Report, Share } from "./share.ts";

const { values } = parseArgs({
  options: {
    short: { type: "boolean" },
    cases: { type: "string" },
    seed: { type: "string" },
    seconds: { type: "string" },
    processes: { type: "string" },
  },
});
const caseCount = Number(values.cases ?? (values.short ? 1200 : 100_000));
const seed = Number(values.seed ?? 20_261_130);
/** Even the long form ends by itself; what was not done by then is said. */
const maxSeconds = Number(values.seconds ?? (values.short ? 18 : 3600));
const processes = Number(values.processes ?? availableParallelism());

const begun = performance.now();
const reports = await Promise.all(
  Array.from({ length: processes }, (_, index) =>
    runShare({ cases: Math.ceil(caseCount / processes), seed: seed + 1000 * index, maxSeconds }),
  ),
);
const seconds = Math.round((performance.now() - begun) / 1000);
const faults = reports.flatMap((report) => report.faults);
const short = values.short === true;
const [memory, beside, refused] = [
  await openStreams(),
  await besideBroken({ short }),
  await refusals({ short, seed }),
];
faults.push(...memory.faults, ...beside.faults, ...refused.faults);

const sum = (of: (report: Report) => number) => reports.reduce((total, report) => total + of(report), 0);
const growth = reports.map(({ growthMb }) => `${growthMb < 0 ? "" : "+"}${growthMb} MB`).join(", ");
const summary = [
  `${sum(({ done }) => done)} of ${caseCount} cases, seed ${seed}, ${seconds} s, heap ${growth}`,
  `${sum(({ repeated }) => repeated)} cases were done again, since the machine was late; ${sum(({ undecided }) => undecided)} of them in vain`,
  memory.summary,
  ...beside.summary,
  refused.summary,
];
process.stdout.write(
  `${faults.length === 0 ? "✓" : "✗"} ${summary.join("\n  ")}\n${faults.map((fault) => `  ✗ ${fault}\n`).join("")}`,
);
if (faults.length > 0) process.exitCode = 1;

/** One process's share of the cases. */
async function runShare(share: Share): Promise<Report> {
  const child: ChildProcess = fork(new URL("share.ts", import.meta.url), { execArgv: ["--expose-gc"] });
  return await new Promise((resolve) => {
    let report: Report | undefined;
    child.on("message", (message) => {
      report = message as Report;
    });
    child.on("exit", (code, signal) => {
      const faults = [
        `a process ended with ${signal ?? code} before its share was done (seed ${share.seed})`,
      ];
      resolve(report ?? { faults, done: 0, repeated: 0, undecided: 0, growthMb: 0 });
    });
    child.send(share);
  });
}
