// The client programs and libraries that the suite runs, at exact versions: what was measured with one says little about the next.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface ClientPackage {
  /** The folder below the cache. */
  folder: "claude" | "gemini" | "codex" | "sdk" | "browser" | "compose" | "portkey";
  /** Name and version, as npm takes them. */
  packages: readonly { name: string; version: string }[];
  /** The program in `node_modules/.bin`; undefined for libraries. */
  program: string | undefined;
}

export const clientPackages: readonly ClientPackage[] = [
  {
    folder: "claude",
    packages: [{ name: "@anthropic-ai/claude-code", version: "2.1.330" }],
    program: "claude",
  },
  { folder: "gemini", packages: [{ name: "@google/gemini-cli", version: "0.61.0" }], program: "gemini" },
  { folder: "codex", packages: [{ name: "@openai/codex", version: "0.169.0" }], program: "codex" },
  {
    folder: "sdk",
    packages: [
      { name: "@anthropic-ai/sdk", version: "1.14.0" },
      { name: "openai", version: "7.57.0" },
      { name: "@google/genai", version: "3.1.0" },
    ],
    program: undefined,
  },
];

export const repository = join(import.meta.dirname, "..", "..");

/** The variable that names another folder than `.cache/clients`. */
export const cacheVariable = "CC_RELAY_TEST_CLIENTS";

export function cacheFolder(): string {
  return process.env[cacheVariable] || join(repository, ".cache", "clients");
}

/** Where the programs of all clients are. */
export function programFolders(): string[] {
  return clientPackages
    .filter(({ program }) => program !== undefined)
    .map(({ folder }) => join(cacheFolder(), folder, "node_modules", ".bin"));
}

/** Whether the very versions are there. */
export function isInstalled({ folder, packages, program }: ClientPackage, cache = cacheFolder()): boolean {
  const modules = join(cache, folder, "node_modules");
  if (program !== undefined && !existsSync(join(modules, ".bin", program))) return false;
  return packages.every(({ name, version }) => installedVersion(join(modules, name)) === version);
}

function installedVersion(folder: string): string | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return (manifest as { version?: string }).version;
  } catch {
    return undefined;
  }
}
