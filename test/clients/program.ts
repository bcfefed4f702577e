// Runs a program to its end and keeps what it printed. The program has a process group of its own, so that nothing of it is left over.

import { type ChildProcess, spawn } from "node:child_process";
import { Readable } from "node:stream";

export interface ProgramRun {
  file: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** Written to standard input, which is then closed; piece by piece as they come. */
  input?: string | AsyncIterable<string>;
  /** The whole group is killed after this time, and the run fails. */
  timeoutMs?: number;
}

export interface ProgramResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  ms: number;
}

/** Rejects when the program cannot be started or takes too long. */
export async function runProgram(run: ProgramRun): Promise<ProgramResult> {
  const { file, args, env, cwd, input = "", timeoutMs = 60_000 } = run;
  const startedAt = performance.now();
  const child = spawn(file, args, { env: { ...env }, cwd, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  child.stdin.on("error", () => {});
  Readable.from(typeof input === "string" ? [input] : input).pipe(child.stdin);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    killGroup(child);
  }, timeoutMs);
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (...end) => resolve(end));
    });
    if (isLate) {
      throw new Error(
        `${file} ${args.join(" ").slice(0, 200)} did not end within ${timeoutMs} ms:\n${stdout()}\n${stderr()}`,
      );
    }
    return { code, signal, stdout: stdout(), stderr: stderr(), ms: performance.now() - startedAt };
  } finally {
    clearTimeout(timer);
    killGroup(child);
  }
}

export function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in the group.
  }
}

export function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
