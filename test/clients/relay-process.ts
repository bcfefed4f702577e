// The relay as its users run it: `cc-relay serve` in a process of its own, with a config.toml, and clients set up by `cc-relay env`.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { UsageKey, UsageSummary } from "../../src/store/store.ts";
import { killGroup, runProgram } from "./program.ts";
import { relayCommand } from "./sandbox.ts";

export interface RelayProcess {
  readonly url: string;
  readonly configFile: string;
  /** What `cc-relay env CLIENT` sets, as a shell understands it. */
  env(client: EnvClient): Promise<Record<string, string>>;
  /** What `cc-relay env CLIENT` prints, word for word. */
  envText(client: EnvClient): Promise<string>;
  usage(by: UsageKey): Promise<UsageSummary>;
  /** The log so far, line by line. */
  log(): Record<string, unknown>[];
  stop(): Promise<void>;
}

export type EnvClient = "claude" | "gemini" | "codex" | "openai";

/** The relay's own key, which no upstream may ever see. */
export const relayKey = "relay-key-of-the-suite";

/** @param settings what follows `api_keys` in config.toml. */
export async function startRelayProcess(settings: string, apiKeys = [relayKey]): Promise<RelayProcess> {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-serve-"));
  const configFile = join(folder, "config.toml");
  const database = join(folder, "relay.db");
  const head = `api_keys = ${JSON.stringify(apiKeys)}\n\n[server]\ndatabase_path = ${JSON.stringify(database)}\ndrain_seconds = 1\n`;
  await writeFile(configFile, `${head}\n${settings}`, { mode: 0o600 });
  const env = { PATH: process.env.PATH ?? "", HOME: folder, LANG: "C.UTF-8" };
  const [node, script] = relayCommand;
  const child = spawn(node, [script, "--config", configFile, "serve", "--port", "0"], {
    env,
    cwd: folder,
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const lines = createLineReader(child.stderr);
  const command = (args: string[]) =>
    runProgram({ file: node, args: [script, "--config", configFile, ...args], env, cwd: folder });
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => killGroup(child), 5000);
    await ended;
    clearTimeout(timer);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const url = await Promise.race([
      lines.find(({ msg, url }) => (msg === "listening" ? String(url) : undefined)),
      ended.then(() => {
        throw new Error(`the relay did not start:\n${lines.text()}`);
      }),
    ]);
    return {
      url,
      configFile,
      async env(client) {
        const printed = await command(["env", client, "--shell", "sh"]);
        if (printed.code !== 0) throw new Error(printed.stderr);
        return evaluate(printed.stdout, folder);
      },
      async envText(client) {
        return (await command(["env", client, "--shell", "sh"])).stdout;
      },
      async usage(by) {
        const store = await openSqliteStore(database);
        try {
          return await store.usage.summarize({ since: 0, until: Date.now() + 1000, by });
        } finally {
          await store.close();
        }
      },
      log: () => lines.all,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Lets a shell run the lines, as `eval "$(cc-relay env …)"` does, and returns the variables that came of it. */
async function evaluate(lines: string, cwd: string): Promise<Record<string, string>> {
  const { stdout } = await runProgram({
    file: "/bin/sh",
    args: ["-c", 'eval "$LINES"; unset LINES; env -0'],
    env: { LINES: lines, PATH: "/usr/bin:/bin" },
    cwd,
  });
  const all = stdout.split("\0").filter((entry) => entry.includes("="));
  const pairs = all.map((entry): [string, string] => {
    const at = entry.indexOf("=");
    return [entry.slice(0, at), entry.slice(at + 1)];
  });
  return Object.fromEntries(
    pairs.filter(([name]) => !["PATH", "PWD", "OLDPWD", "_", "SHLVL"].includes(name)),
  );
}

interface LineReader {
  readonly all: Record<string, unknown>[];
  text(): string;
  /** Resolves with the first value that `pick` makes of a line, past or to come. */
  find<T>(pick: (line: Record<string, unknown>) => T | undefined): Promise<T>;
}

function createLineReader(stream: NodeJS.ReadableStream): LineReader {
  const all: Record<string, unknown>[] = [];
  const waiting = new Set<(line: Record<string, unknown>) => void>();
  let text = "";
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      if (!part.startsWith("{")) continue;
      const line = JSON.parse(part) as Record<string, unknown>;
      all.push(line);
      for (const look of waiting) look(line);
    }
  });
  return {
    all,
    text: () => text,
    find(pick) {
      return new Promise((resolve) => {
        const look = (line: Record<string, unknown>) => {
          const value = pick(line);
          if (value === undefined) return;
          waiting.delete(look);
          resolve(value);
        };
        waiting.add(look);
        for (const line of [...all]) look(line);
      });
    },
  };
}
