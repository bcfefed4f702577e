// `cc-relay serve` in a process of its own, with a configuration and a database in a folder of its own.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { childEnvironment } from "./child-environment.ts";
import { program, serveProgram } from "./program.ts";
import { until } from "./until.ts";

/** Starts in a third of the time; has to be built. */
export const builtProgram = join(import.meta.dirname, "../../bin/cc-relay.js");

export interface ServeFolder {
  readonly path: string;
  readonly configFile: string;
  readonly database: string;
  /** Writes config.toml, less `[server]`'s `port` and `database_path`, which are the folder's own. */
  configure(toml: string, server?: string): Promise<void>;
  /** Starts `cc-relay serve` without waiting for it; its standard error may go to a descriptor instead of `stderr()`. */
  spawn(args?: readonly string[], stderr?: number, under?: readonly string[]): ServeProcess;
  /** Starts `cc-relay serve`, if asked for under another program (`prlimit …`), and waits until it listens. */
  start(args?: readonly string[], under?: readonly string[]): Promise<RunningServe>;
  /** Runs another command of the program on this configuration; resolves with its standard output, whatever its exit code. */
  run(args: readonly string[]): Promise<string>;
  /** Looks into the database while, before or after a relay runs on it. */
  look<T>(work: (store: Store) => Promise<T>): Promise<T>;
}

export interface ServeProcess {
  readonly pid: number;
  readonly exited: Promise<ServeExit>;
  /** All that came on standard error, and on standard output. */
  stderr(): string;
  stdout(): string;
  /** The log lines so far. */
  lines(): Record<string, unknown>[];
  hasExited(): boolean;
  kill(signal: NodeJS.Signals): void;
}

export interface RunningServe extends ServeProcess {
  readonly url: string;
}

export interface ServeExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The folder goes, and what still runs in it, when the test is over. `start`: another program than the usual one. */
export async function createServeFolder(t: Pick<TestContext, "after">, start?: string): Promise<ServeFolder> {
  const path = await mkdtemp(join(tmpdir(), "cc-relay-serve-"));
  const configFile = join(path, "config.toml");
  const database = join(path, "relay.db");
  const children = new Set<ServeProcess>();
  t.after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all([...children].map(({ exited }) => exited));
    await rm(path, { recursive: true, force: true });
  });
  const folder: ServeFolder = {
    path,
    configFile,
    database,
    configure: (toml, server = "") =>
      writeFile(configFile, `[server]\nport = 0\ndatabase_path = "relay.db"\n${server}\n${toml}`, {
        mode: 0o600,
      }),
    spawn(args = [], stderr, under = []) {
      const [command, ...rest] = [
        ...under,
        process.execPath,
        start ?? serveProgram,
        "--config",
        configFile,
        "serve",
        ...args,
      ];
      const child = watch(
        spawn(command!, rest, {
          cwd: path,
          env: childEnvironment(path, { LANG: "C.UTF-8" }),
          stdio: ["ignore", "pipe", stderr ?? "pipe"],
        }),
      );
      children.add(child);
      void child.exited.then(() => children.delete(child));
      return child;
    },
    async start(args, under) {
      const child = folder.spawn(args, undefined, under);
      const url = await until("the relay listens", () => listeningUrl(child), 180_000);
      return { ...child, url };
    },
    run: (args) =>
      new Promise((resolve) => {
        const env = childEnvironment(path, { LANG: "C.UTF-8" });
        execFile(
          process.execPath,
          [start ?? program, "--config", configFile, ...args],
          { cwd: path, env },
          (_, stdout) => resolve(stdout),
        );
      }),
    async look(work) {
      const store = await openSqliteStore(database);
      try {
        return await work(store);
      } finally {
        await store.close();
      }
    },
  };
  return folder;
}

/** `[[accounts]]` of Claude's that lead to a scripted upstream, in order of priority. */
export function claudeAccounts(url: string, ids: readonly string[] = ["a", "b"]): string {
  return ids
    .map(
      (id, index) =>
        `[[accounts]]\nid = "${id}"\ntype = "claude-api"\napi_key = "key-of-${id}"\napi_url = "${url}"\npriority = ${500 - index}\n`,
    )
    .join("");
}

function listeningUrl(child: ServeProcess): string | undefined {
  if (child.hasExited()) throw new Error(`the relay ended: ${child.stderr()}`);
  return child.lines().find(({ msg }) => msg === "listening")?.url as string | undefined;
}

function watch(child: ChildProcess): ServeProcess {
  let stderr = "";
  let stdout = "";
  let exit: ServeExit | undefined;
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  const exited = new Promise<ServeExit>((resolve) => {
    child.once("close", (code, signal) => {
      exit = { code, signal };
      resolve(exit);
    });
  });
  return {
    pid: child.pid!,
    exited,
    stderr: () => stderr,
    stdout: () => stdout,
    lines: () =>
      stderr
        .split("\n")
        .slice(0, -1)
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    hasExited: () => exit !== undefined,
    kill: (signal) => void child.kill(signal),
  };
}
