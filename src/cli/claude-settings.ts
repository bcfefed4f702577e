// A settings file that has Claude Code keep to our variables for one run.
//
// A file that --settings names ranks above Claude Code's own settings, which rank above its environment (2.1.330); only the
// last of several such files counts. An empty value there is as good as none.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readClaudeSettings } from "../doctor/clients/claude-settings.ts";
import type { Environment, EnvironmentChange } from "../terminal/environment.ts";

/** The variables of Claude Code's own settings; of what is no JSON Claude Code itself complains. */
export async function readSettingsVariables(
  env: Environment,
  cwd: string,
): Promise<Readonly<Record<string, string>>> {
  const home = env.HOME || env.USERPROFILE || cwd;
  return (await readClaudeSettings({ env, home, cwd })).variables;
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
