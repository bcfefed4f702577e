// Runs the unit tests: `npm test`, or `npm test -- test/store` for those whose path begins so. Several files share a process,
// since starting one and loading src/ costs more than the tests in it; a file that changes its process gets one of its own.

import { spawn } from "node:child_process";
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Hooks outside of a suite would run for the tests of every other file, and the environment and signals are the process's. */
const changesItsProcess =
  /^(before|after|beforeEach|afterEach)\(|process\.(env\.\w+ = |chdir\(|emit\(|kill\(process\.pid)|delete process\.env|setFlagsFromString\(/m;

/** What V8 made of the sources: starting a process costs half as much with it, and every test of the program starts some. */
const compileCache = ".cache/compiled";

/** Small enough that the last batch does not run alone for long, large enough that a process pays for its start. */
const filesPerBatch = 8;
/** Above the number of cores: many tests wait for sockets and timers. */
const concurrency = availableParallelism() + 2;
const minMemoryBytes = 2 * 1024 ** 3;
const batchTimeoutMs = 8 * 60_000;

interface Batch {
  files: string[];
  flags: string[];
}

interface Result {
  passed: number;
  failed: number;
  skipped: number;
}

const chosen = process.argv.slice(2);
const files = globSync("test/**/*.test.ts")
  .filter((file) => chosen.length === 0 || chosen.some((path) => file.startsWith(path)))
  .sort();
const alone = files.filter((file) => changesItsProcess.test(readFileSync(file, "utf8")));
const together = files.filter((file) => !alone.includes(file));
const batches: Batch[] = [
  ...deal(alone).map((batch) => ({ files: batch, flags: ["--test-concurrency=1"] })),
  ...deal(together).map((batch) => ({ files: batch, flags: ["--test-isolation=none"] })),
];

/** For all that tests write, and for their reports. */
const folder = mkdtempSync(join(fastFolder(), "cc-relay-tests-"));
// Some tests look at the database as another user.
chmodSync(folder, 0o755);
const total: Result = { passed: 0, failed: 0, skipped: 0 };
try {
  const queue = batches.entries();
  await Promise.all(Array.from({ length: concurrency }, () => work(queue)));
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed${skipped}\n`);
if (total.passed === 0 || total.failed > 0) process.exitCode = 1;

/** Tests open a thousand small databases: on a disk, waiting for it takes a quarter of the time. Memory where Linux offers enough. */
function fastFolder(): string {
  if (!existsSync("/dev/shm")) return tmpdir();
  const { bavail, bsize } = statfsSync("/dev/shm");
  return bavail * bsize > minMemoryBytes ? "/dev/shm" : tmpdir();
}

/** In turn, so that the slow folders are spread over the batches. */
function deal(names: readonly string[]): string[][] {
  const count = Math.ceil(names.length / filesPerBatch);
  return Array.from({ length: count }, (_, batch) => names.filter((_name, index) => index % count === batch));
}

async function work(queue: Iterable<[number, Batch]>): Promise<void> {
  for (const [index, batch] of queue) {
    const { passed, failed, skipped } = await execute(batch, join(folder, `${index}.tap`));
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
}

function execute({ files: names, flags }: Batch, report: string): Promise<Result> {
  const reporters = [
    ["--test-reporter=dot", "--test-reporter-destination=stdout"],
    ["--test-reporter=tap", `--test-reporter-destination=${report}`],
  ].flat();
  const child = spawn(process.execPath, ["--test", ...flags, ...reporters, ...names], {
    env: { TMPDIR: folder, NODE_COMPILE_CACHE: resolve(compileCache), ...process.env },
    stdio: ["ignore", "inherit", "inherit"],
    timeout: batchTimeoutMs,
  });
  return new Promise((done, reject) => {
    child.on("error", reject);
    child.on("close", (code) => done(readResult(report, { code, names })));
  });
}

/** The closing lines of a TAP report are `# pass 12` and the like; a process that died before them is a failure. */
function readResult(report: string, { code, names }: { code: number | null; names: string[] }): Result {
  const text = readFileSync(report, "utf8");
  const count = (name: string) => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  const failed = count("fail") + count("cancelled");
  if (Number.isNaN(failed) || (failed === 0 && code !== 0)) {
    process.stdout.write(`\n✖ these test files did not end: ${names.join(" ")}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  return { passed: count("pass"), failed, skipped: count("skipped") + count("todo") };
}
