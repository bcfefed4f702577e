// Checks Claude Code's own settings files: Claude Code 2.1.330 puts their "env" over the variables it was
// started with.

import { join } from "node:path";
import type { Environment } from "../../terminal/environment.ts";
import { readJsonSettings, tableIn } from "./json-settings.ts";

export interface ClaudeSettings {
  /** What the "env" of all files comes to. */
  readonly variables: Readonly<Record<string, string>>;
  /** The file that sets a variable; undefined when none does. */
  fileOf(name: string): string | undefined;
  /** Files that are no JSON. */
  readonly broken: readonly string[];
}

export interface SettingsPlaces {
  env: Environment;
  /** The user's home folder. */
  home: string;
  cwd: string;
}

export async function readClaudeSettings({ env, home, cwd }: SettingsPlaces): Promise<ClaudeSettings> {
  // The later ones rank above the earlier ones; from the home folder two are the same.
  const files = new Set([
    join(env.CLAUDE_CONFIG_DIR || join(home, ".claude"), "settings.json"),
    join(cwd, ".claude", "settings.json"),
    join(cwd, ".claude", "settings.local.json"),
  ]);
  const variables: Record<string, string> = {};
  const sources = new Map<string, string>();
  const broken: string[] = [];
  for (const file of files) {
    const settings = await readJsonSettings(file);
    if (settings === undefined) broken.push(file);
    for (const [name, value] of Object.entries(tableIn(settings ?? {}, "env"))) {
      if (typeof value !== "string") continue;
      variables[name] = value;
      sources.set(name, file);
    }
  }
  return { variables, fileOf: (name) => sources.get(name), broken };
}
