// One `cc-relay serve` in a process of its own: until it listens, what it logs, and how it ends.

import { spawn } from "node:child_process";
import { killGroup } from "./program.ts";
import { relayCommand } from "./sandbox.ts";

export interface ServeChild {
  readonly url: string;
  /** The log so far, line by line. */
  log(): Record<string, unknown>[];
  /** Resolves when the process is gone. SIGKILL gives it no time for anything. */
  end(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

export interface ServeOptions {
  configFile: string;
  flags: readonly string[];
  cwd: string;
}

/** Rejects with what the process said when it ends instead of listening. */
export async function startServe({ configFile, flags, cwd }: ServeOptions): Promise<ServeChild> {
  const [node, script] = relayCommand;
  const child = spawn(node, [script, "--config", configFile, "serve", ...flags], {
    env: relayEnvironment(cwd),
    cwd,
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines = createLineReader(child.stderr);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const url = await Promise.race([
    lines.find(({ msg, url }) => (msg === "listening" ? String(url) : undefined)),
    ended.then(() => {
      throw new Error(`the relay did not start:\n${lines.text()}`);
    }),
  ]);
  return {
    url,
    log: () => lines.all,
    async end(signal = "SIGTERM") {
      child.kill(signal);
      const timer = setTimeout(() => killGroup(child), 5000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Nothing of the user's: no proxy, no account, a home of its own. */
export function relayEnvironment(home: string): Record<string, string> {
  return { PATH: process.env.PATH ?? "", HOME: home, LANG: "C.UTF-8" };
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
  let cooldown = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
    const parts = (cooldown + chunk).split("\n");
    cooldown = parts.pop() ?? "";
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
