// What Claude Code's own settings say of its environment, and a settings file for one run that says otherwise.
//
// Claude Code 2.1.330 puts the "env" of its settings over the environment it was started with. A file that --settings
// names ranks above them; only the last of several such files counts. An empty value there is as good as none.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJsonSettings, tableIn } from "../doctor/clients/json-settings.ts";
import type { Environment, EnvironmentChange } from "../terminal/environment.ts";

/** The variables of all its settings files, the higher-ranking ones over the others. */
export async function readSettingsVariables(env: Environment, cwd: string): Promise<Record<string, string>> {
  const folder = env.CLAUDE_CONFIG_DIR || join(env.HOME || env.USERPROFILE || cwd, ".claude");
  const files = [
    join(folder, "settings.json"),
    join(cwd, ".claude", "settings.json"),
    join(cwd, ".claude", "settings.local.json"),
  ];
  const variables: Record<string, string> = {};
  for (const file of files) {
    // What is no JSON Claude Code itself complains of.
    for (const [name, value] of Object.entries(tableIn((await readJsonSettings(file)) ?? {}, "env"))) {
      if (typeof value === "string") variables[name] = value;
    }
  }
  return variables;
}

/** The variables that the change needs to have in a settings file too, since the settings undo it. */
export function undoneVariables(change: EnvironmentChange, settings: Environment): Record<string, string> {
  const wanted = { ...change.set, ...Object.fromEntries((change.remove ?? []).map((name) => [name, ""])) };
  return Object.fromEntries(
    Object.entries(wanted).filter(([name, value]) => (settings[name] ?? value) !== value),
  );
}

export interface TemporarySettings {
  args: readonly string[];
  remove(): Promise<void>;
}

export async function createClaudeSettings(env: Record<string, string>): Promise<TemporarySettings> {
  // mkdtemp lets only its owner in.
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-claude-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  const file = join(folder, "settings.json");
  try {
    await writeFile(file, JSON.stringify({ env }), { mode: 0o600 });
  } catch (error) {
    await remove();
    throw error;
  }
  return { args: ["--settings", file], remove };
}
