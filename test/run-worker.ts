// One process of `npm test`. What hangs in it is named, with the stack and what is open, and does not outlive that.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readBlockedStack } from "./blocked-stack.ts";
import type { Order, Report } from "./worker.ts";

export interface Worker {
  /** Runs the tests of a file. `died`: the process has ended meanwhile, and takes no more. */
  run(file: string): Promise<"done" | "died">;
  /** What it has used of the processor by the end of the last file, the processes that it started included. */
  readonly cpuMs: number;
  /** Waits for the end of the process, which nothing may keep open. */
  end(): Promise<void>;
}

export interface WorkerOptions {
  /** For temporary files. */
  folder: string;
  /** What tests start in processes of its own; undefined: the sources. */
  program: string | undefined;
  /** Whether properties draw all of their cases. */
  isFull: boolean;
  onPassed(): void;
  onSkipped(): void;
  /** Where, what and why, a line or more each. */
  onFailed(text: string): void;
}

/** What V8 made of the sources: starting a process costs half as much with it, and every test of the program starts some. */
const compileCache = ".cache/compiled";
/** The longest test takes a tenth of it. */
const silenceTimeoutMs = 120_000;
const endTimeoutMs = 20_000;
const reportTimeoutMs = 5000;
const graceMs = 2000;

export function startWorker({
  folder,
  program,
  isFull,
  onPassed,
  onSkipped,
  onFailed,
}: WorkerOptions): Worker {
  const reportName = `${randomUUID()}.json`;
  const child = spawn(
    process.execPath,
    [
      ...["--test-reporter=./test/reporter.ts", "--test-reporter-destination=stdout"],
      ...[
        "--report-on-signal",
        "--report-exclude-env",
        `--report-directory=${folder}`,
        `--report-filename=${reportName}`,
      ],
      "--inspect-port=0",
      "test/worker.ts",
    ],
    {
      env: {
        TMPDIR: folder,
        NODE_COMPILE_CACHE: resolve(compileCache),
        ...(program && { CC_RELAY_PROGRAM: program }),
        ...(isFull && { CC_RELAY_FULL: "1" }),
        ...process.env,
      },
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    },
  );
  child.stderr?.pipe(process.stderr, { end: false });
  let at = "its start";
  let isStopped = false;
  let seenAt = performance.now();
  let hasEnded = false;
  let cpuMs = 0;
  let onReady = () => {};
  const started = new Promise<void>((resolve) => (onReady = resolve));
  const closed = new Promise<void>((resolve) => {
    child.once("close", (code, signal) => {
      hasEnded = true;
      if (!isStopped && code !== 0 && code !== 1) onFailed(`${at}\nthe process ended with ${signal ?? code}`);
      resolve();
    });
  });
  child.on("message", (report: Report) => {
    seenAt = performance.now();
    if ("ready" in report) {
      cpuMs = report.cpuMs;
      onReady();
    } else if ("test" in report) at = report.test;
    else if ("passed" in report) onPassed();
    else if ("skipped" in report) onSkipped();
    else onFailed(report.failed);
  });

  /** Whether it came; a process that is silent for too long is ended. */
  async function waitFor(what: Promise<void>, timeoutMs: number): Promise<boolean> {
    const came = what.then(() => true);
    for (;;) {
      const ended = closed.then(() => false);
      const isThere = await Promise.race([came, ended, sleep(1000, undefined)]);
      if (isThere !== undefined) return isThere;
      if (performance.now() - seenAt < timeoutMs) continue;
      onFailed(
        `${at}\nnothing happened for ${timeoutMs / 1000} s; the process was ended\n${await examine()}`,
      );
      await stop();
      return false;
    }
  }

  /** A process that does not write its report does not come back to its event loop. */
  async function examine(): Promise<string> {
    child.kill("SIGUSR2");
    const file = join(folder, reportName);
    for (
      const deadline = performance.now() + reportTimeoutMs;
      performance.now() < deadline;
      await sleep(100)
    ) {
      const text = existsSync(file) ? readFileSync(file, "utf8") : "";
      if (text.trimEnd().endsWith("}")) return summarize(JSON.parse(text) as DiagnosticReport);
    }
    return (await readBlockedStack(child, reportTimeoutMs)) ?? "neither a diagnostic report nor a stack came";
  }

  async function stop(): Promise<void> {
    isStopped = true;
    child.kill("SIGTERM");
    await Promise.race([closed, sleep(graceMs)]);
    if (!hasEnded) child.kill("SIGKILL");
    await closed;
  }

  return {
    get cpuMs() {
      return cpuMs;
    },
    async run(file) {
      if (!(await waitFor(started, silenceTimeoutMs))) return "died";
      at = file;
      seenAt = performance.now();
      const done = new Promise<void>((resolve) => (onReady = resolve));
      child.send({ file } satisfies Order);
      return (await waitFor(done, silenceTimeoutMs)) ? "done" : "died";
    },
    async end() {
      if (hasEnded) return;
      at = `after ${at}`;
      seenAt = performance.now();
      child.send({ end: true } satisfies Order);
      await waitFor(closed, endTimeoutMs);
    },
  };
}

interface DiagnosticReport {
  javascriptStack?: { message?: string; stack?: string[] };
  libuv?: { type: string; is_active: boolean; is_referenced?: boolean; [detail: string]: unknown }[];
}

/** The stack of what runs, and what keeps the process open. */
function summarize({ javascriptStack, libuv = [] }: DiagnosticReport): string {
  const open = libuv.filter(
    ({ type, is_active, is_referenced }) => is_active && is_referenced && type !== "loop",
  );
  const lines = open.map(
    ({ type, localEndpoint, remoteEndpoint, firesInMsFromNow, pid }) =>
      `  open: ${type} ${JSON.stringify({ localEndpoint, remoteEndpoint, firesInMsFromNow, pid })}`,
  );
  return [...(javascriptStack?.stack ?? []), ...lines].join("\n");
}
