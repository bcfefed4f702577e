// Runs the tests of the parts, which are in `*.test.ts`: `npm test`, or `npm test -- test/store` for those whose path begins so. With
// `--programs` (`npm run test:programs`) those that start the program or another one, or need a process of their own, which are in
// `*.program.ts`. `--slowest` lists what costs most of the processor, `--processes N` takes another number of them, `--full` has every property draw
// all of its cases.
// A few processes share the files, since starting one and loading src/ costs more than most files; one that changes its process
// gets one of its own.

import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { changesItsProcess } from "./own-process.ts";
import { startWorker, type Worker } from "./run-worker.ts";
import { bundleProgram } from "./support/bundled-program.ts";

const minMemoryBytes = 2 * 1024 ** 3;
const slowestCount = 20;

const { values: flags, positionals: chosen } = parseArgs({
  options: {
    programs: { type: "boolean" },
    slowest: { type: "boolean" },
    full: { type: "boolean" },
    processes: { type: "string" },
  },
  allowPositionals: true,
});
const files = globSync(`test/**/*.${flags.programs ? "program" : "test"}.ts`)
  .filter((file) => chosen.length === 0 || chosen.some((path) => file.startsWith(path)))
  .sort();
const alone = files.filter((file) => changesItsProcess.test(readFileSync(file, "utf8")));
const together = files.filter((file) => !alone.includes(file));

/** Above the number of cores: many tests wait for sockets and timers. Programs are more processes, and one that is late fails. */
const usualProcesses = availableParallelism() + (flags.programs ? 1 : 4);
const processes = Number(flags.processes ?? usualProcesses);

/** For all that tests write, and for reports. */
const folder = mkdtempSync(join(fastFolder(), "cc-relay-tests-"));
// Some tests look at the database as another user.
chmodSync(folder, 0o755);
const program = flags.programs ? bundleProgram() : undefined;
const times: { file: string; ms: number; cpuMs: number }[] = [];
const failures: string[] = [];
let passed = 0;
let skipped = 0;
let column = 0;
try {
  await Promise.all(Array.from({ length: Math.min(processes, files.length) }, work));
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
if (flags.slowest) {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1).padStart(6)} s`;
  const slowest = times.sort((a, b) => b.cpuMs - a.cpuMs).slice(0, slowestCount);
  say(
    slowest
      .map(({ file, ms, cpuMs }) => `${seconds(cpuMs)} of a processor, ${seconds(ms)} in all  ${file}`)
      .join("\n"),
  );
}
for (const failure of failures) say(`✖ ${failure.split("\n", 2).join(" ")}`);
const rest = skipped > 0 ? `, ${skipped} skipped` : "";
say(`${passed} passed, ${failures.length} failed${rest}`);
if (passed === 0 || failures.length > 0) process.exitCode = 1;

/** Tests open a thousand small databases: on a disk, waiting for it takes a quarter of the time. Memory where Linux offers enough. */
function fastFolder(): string {
  if (!existsSync("/dev/shm")) return tmpdir();
  const { bavail, bsize } = statfsSync("/dev/shm");
  return bavail * bsize > minMemoryBytes ? "/dev/shm" : tmpdir();
}

/** One process after another: those of one file, then one that goes on until no file is left, or it has died of one. */
async function work(): Promise<void> {
  for (let file = alone.shift(); file !== undefined; file = alone.shift()) {
    const worker = open();
    await run(worker, file);
    await worker.end();
  }
  let worker: Worker | undefined;
  for (let file = together.shift(); file !== undefined; file = together.shift()) {
    worker ??= open();
    if ((await run(worker, file)) === "died") worker = undefined;
  }
  await worker?.end();
}

function open(): Worker {
  return startWorker({
    folder,
    program,
    isFull: flags.full ?? false,
    onPassed() {
      passed += 1;
      dot(".");
    },
    onSkipped() {
      skipped += 1;
      dot("s");
    },
    onFailed(text) {
      failures.push(text);
      say(text);
    },
  });
}

async function run(worker: Worker, file: string): Promise<"done" | "died"> {
  const [begun, { cpuMs }] = [performance.now(), worker];
  const result = await worker.run(file);
  times.push({ file, ms: performance.now() - begun, cpuMs: worker.cpuMs - cpuMs });
  return result;
}

function dot(sign: string): void {
  column += 1;
  process.stdout.write(column % 100 === 0 ? `${sign}\n` : sign);
}

function say(text: string): void {
  process.stdout.write(`${column % 100 === 0 ? "" : "\n"}${text}\n`);
  column = 0;
}
