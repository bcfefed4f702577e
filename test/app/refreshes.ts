// Logins on a real database that are refreshed by real processes, against a scripted authorization server.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { createDetachedRefreshes } from "../../src/app/refresh-process/detached-refreshes.ts";
import { createDispatchers } from "../../src/network/dispatchers.ts";
import { createTokenSource, type TokenSource } from "../../src/oauth/tokens.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";

export const eightHours = 8 * 3_600_000;

export interface Refreshes {
  readonly folder: string;
  readonly server: AuthorizationServer;
  readonly store: Store;
  /** Every log line of this process so far. */
  readonly lines: string[];
  /** Moves the clocks of this process on; those of the others stay. */
  pass(ms: number): void;
  createSource(options?: SourceOptions): TokenSource;
  createWitness(): Promise<Witness>;
  /** Another process with the login `claude-1`, which is refreshed outside it too. */
  startRelay(secret: string, script?: string): Promise<Relay>;
  /** Takes SQLite's one place for a writer, so that nobody else's commit succeeds, until what it returns is called. */
  blockWrites(): () => void;
  close(): Promise<void>;
}

export interface SourceOptions {
  script?: string;
  /** Where the database is for the process. */
  databasePath?: string;
}

/** The real process, which first writes down who it is. */
export interface Witness {
  script: string;
  seen(): Promise<SeenProcess[]>;
  /** How many have come to their end by themselves. */
  ended(): Promise<number>;
}

export interface SeenProcess {
  pid: number;
  argv: string[];
  env: Record<string, string>;
}

export interface Relay {
  child: ChildProcess;
  ask<T>(command: string): Promise<T>;
}

export async function startRefreshes(): Promise<Refreshes> {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-detached-"));
  const database = join(folder, "relay.db");
  const server = await startAuthorizationServer();
  const store = await openSqliteStore(database);
  const dispatchers = createDispatchers({ connectTimeoutMs: 1000 });
  const lines: string[] = [];
  const sources: TokenSource[] = [];
  const children: ChildProcess[] = [];
  let passed = 0;

  return {
    folder,
    server,
    store,
    lines,
    pass(ms) {
      passed += ms;
    },

    createSource({ script, databasePath = database } = {}) {
      const log = createLog({
        level: "debug",
        pretty: false,
        destination: { write: (line) => lines.push(line) },
      });
      const now = () => Date.now() + passed;
      const tokenUrl = `${server.url}/token`;
      const oauth = { claude: { tokenUrl }, gemini: { tokenUrl } };
      const site = { databasePath, busyTimeoutMs: 50, connectTimeoutMs: 1000, environmentProxy: undefined };
      const refreshes = createDetachedRefreshes({
        site: () => ({ ...site, oauth }),
        tokens: store.tokens,
        now,
        log,
        script,
      });
      const source = createTokenSource({
        tokens: store.tokens,
        dispatcherFor: (account) => dispatchers.for(account.id, account.proxy),
        config: () => oauth,
        clock: { now, monotonic: () => performance.now() + passed },
        log,
        runnerFor: refreshes.runnerFor,
      });
      sources.push(source);
      return source;
    },

    async createWitness() {
      const script = join(folder, "witness.mjs");
      const book = join(folder, "witness.jsonl");
      const ends = join(folder, "witness-ends");
      const real = new URL("../../src/app/refresh-process/process.ts", import.meta.url);
      const text = `import { appendFileSync } from "node:fs";
const { pid, argv, env } = process;
appendFileSync(${JSON.stringify(book)}, JSON.stringify({ pid, argv, env }) + "\\n");
process.on("exit", () => appendFileSync(${JSON.stringify(ends)}, "."));
await import(${JSON.stringify(real.href)});
`;
      await writeFile(script, text);
      return {
        script,
        async seen() {
          const written = existsSync(book) ? (await readFile(book, "utf8")).trim().split("\n") : [];
          return written.map((line) => JSON.parse(line) as SeenProcess);
        },
        async ended() {
          return existsSync(ends) ? (await readFile(ends)).length : 0;
        },
      };
    },

    async startRelay(secret, script) {
      const program = fileURLToPath(new URL("../support/login-process.ts", import.meta.url));
      const child = spawn(
        process.execPath,
        [program, database, `${server.url}/token`, secret, "detached", ...(script ? [script] : [])],
        {
          stdio: ["pipe", "pipe", "inherit"],
          // A group of its own, to be killed as a whole.
          detached: true,
        },
      );
      children.push(child);
      const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
      const read = async () => JSON.parse((await answers.next()).value as string);
      assert.equal(await read(), "ready");
      return {
        child,
        ask(command) {
          child.stdin!.write(`${command}\n`);
          return read();
        },
      };
    },

    blockWrites() {
      const blocker = new Database(database);
      blocker.exec("BEGIN IMMEDIATE");
      return () => blocker.close();
    },

    async close() {
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(sources.map((source) => source.close()));
      await dispatchers.close();
      await store.close();
      await server.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export function complaints(lines: readonly string[]): string[] {
  return lines.filter((line) => /"level":"(warn|error)"/.test(line));
}
