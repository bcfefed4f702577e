// Claude Code: its variables and its settings files. Tried with version 2.1.330.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Environment, EnvironmentChange } from "../terminal/environment.ts";
import type { ClientInfo, KeyHeaders } from "./client.ts";
import { readJsonSettings, tableIn } from "./settings-files.ts";

export const claudeHeaders: KeyHeaders = {
  headersVariable: "ANTHROPIC_CUSTOM_HEADERS",
  separators: ["\n", ": "],
};

export const claudeCode: ClientInfo = {
  title: "Claude Code",
  family: "claude",
  // With /v1 Claude Code asks for /v1/v1/messages.
  path: "",
  urlVariable: "ANTHROPIC_BASE_URL",
  // With ANTHROPIC_API_KEY an interactive start asks for approval, default No, and then refuses to send.
  keyVariable: "ANTHROPIC_AUTH_TOKEN",
  conflicting: [
    { name: "ANTHROPIC_API_KEY", effect: "is sent as a second credential" },
    {
      name: "CLAUDE_CODE_OAUTH_TOKEN",
      effect: "makes Claude Code act as if it were logged in at the provider",
    },
    { name: "CLAUDE_CODE_USE_BEDROCK", effect: "sends the requests to Amazon Bedrock" },
    { name: "CLAUDE_CODE_USE_VERTEX", effect: "sends the requests to Google Vertex AI" },
    { name: "CLAUDE_CODE_USE_FOUNDRY", effect: "sends the requests to Microsoft Foundry" },
  ],
  servedPaths: ["", "/claude", "/api"],
  appended: { path: "/v1/messages", ending: /\/v1(?:\/messages)?$/ },
  ownLogin: {
    urlVariable: "ANTHROPIC_BASE_URL",
    key: claudeHeaders,
    others: {},
    replacing: ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"],
  },
};

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

/**
 * A settings file that has Claude Code keep to our variables for one run: one that --settings names ranks above its own settings,
 * which rank above its environment; only the last of several such files counts. An empty value there is as good as none.
 */
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

export interface ClaudeSettings {
  /** What the "env" of all files comes to. */
  readonly variables: Readonly<Record<string, string>>;
  /** The file that sets a variable; undefined when none does. */
  fileOf(name: string): string | undefined;
  /** The file whose `apiKeyHelper` makes the credential; undefined when none has one. */
  readonly helperFile: string | undefined;
  /** Files that are no JSON. */
  readonly broken: readonly string[];
}

export interface SettingsPlaces {
  env: Environment;
  /** The user's home folder. */
  home: string;
  cwd: string;
}

/** Claude Code puts the "env" of its settings files over the variables it was started with. */
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
  let helperFile: string | undefined;
  for (const file of files) {
    const settings = await readJsonSettings(file);
    if (settings === undefined) broken.push(file);
    if (settings?.apiKeyHelper) helperFile = file;
    for (const [name, value] of Object.entries(tableIn(settings ?? {}, "env"))) {
      if (typeof value !== "string") continue;
      variables[name] = value;
      sources.set(name, file);
    }
  }
  return { variables, fileOf: (name) => sources.get(name), helperFile, broken };
}
