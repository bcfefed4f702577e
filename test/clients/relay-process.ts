// The relay as its users run it: `cc-relay serve` in a process of its own, with a config.toml, and clients set up by `cc-relay env`.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { UsageKey, UsageSummary } from "../../src/store/usage-store.ts";
import { runProgram } from "./program.ts";
import { relayCommand } from "./sandbox.ts";
import { relayEnvironment, startServe } from "./serve-child.ts";

export interface RelayProcess {
  readonly url: string;
  readonly configFile: string;
  /** What `cc-relay env CLIENT` sets, as a shell understands it. */
  env(client: EnvClient, ...flags: string[]): Promise<Record<string, string>>;
  /** What `cc-relay env CLIENT` prints, word for word. */
  envText(client: EnvClient, ...flags: string[]): Promise<string>;
  usage(by: UsageKey): Promise<UsageSummary>;
  /** The log so far, line by line. */
  log(): Record<string, unknown>[];
  /** Ends the process and starts another on the same port and database. */
  restart(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
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
  const serve = (port: string) => startServe({ configFile, flags: ["--port", port], cwd: folder });
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  let child = await serve("0").catch(async (error: unknown) => {
    await removeFolder();
    throw error;
  });
  const { url } = child;
  const earlier: Record<string, unknown>[] = [];
  const printEnv = async (client: EnvClient, ...flags: string[]) => {
    const [file, script] = relayCommand;
    const args = [script, "--config", configFile, "env", client, "--shell", "sh", ...flags];
    const printed = await runProgram({ file, args, env: relayEnvironment(folder), cwd: folder });
    if (printed.code !== 0) throw new Error(printed.stderr);
    return printed.stdout;
  };
  return {
    url,
    configFile,
    env: async (client, ...flags) => evaluate(await printEnv(client, ...flags), folder),
    envText: printEnv,
    async usage(by) {
      const store = await openSqliteStore(database);
      try {
        return await store.usage.summarize({ since: 0, until: Date.now() + 1000, by });
      } finally {
        await store.close();
      }
    },
    log: () => [...earlier, ...child.log()],
    async restart(signal) {
      await child.end(signal);
      earlier.push(...child.log());
      child = await serve(new URL(url).port);
    },
    async stop() {
      await child.end();
      await removeFolder();
    },
  };
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
