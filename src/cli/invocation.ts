// How this program was called, for the commands that it suggests: with the same `--config`, since without it they would be about
// another relay, and with `npx` before them where a shell finds `cc-relay` in no other way.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Config } from "../config/config.ts";
import { type Advice, type Fix, fixOf, fixText } from "../domain/errors.ts";
import type { Environment } from "../terminal/environment.ts";
import { shellWord } from "../terminal/shells.ts";

export interface Invocation {
  /** `--config FILE` as it was given. */
  configFile: string | undefined;
  /** What a shell has to be given to start this program. */
  program: ProgramName;
}

export type ProgramName = "cc-relay" | "npx cc-relay";

/** `npx` finds the program for itself alone: it puts folders into PATH that are gone when it ends. */
export function readProgramName(env: Environment, platform: NodeJS.Platform): ProgramName {
  const isByNpx =
    env.npm_lifecycle_event === "npx" && /^["']?cc-relay\b/.test(env.npm_lifecycle_script ?? "");
  if (!isByNpx) return "cc-relay";
  const names = platform === "win32" ? ["cc-relay.cmd", "cc-relay.exe"] : ["cc-relay"];
  const folders = (env.PATH ?? env.Path ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "" && !/[\\/]node_modules[\\/]\.bin[\\/]?$/.test(folder));
  const isInstalled = folders.some((folder) => names.some((name) => existsSync(join(folder, name))));
  return isInstalled ? "cc-relay" : "npx cc-relay";
}

/** The command as it has to be typed here: with that file where it is one of ours that reads a configuration. */
export function commandHere(command: string, { configFile, program }: Invocation): string {
  const named =
    configFile === undefined
      ? command
      : command.replace(readsConfiguration, () => `cc-relay --config ${shellWord(configFile)} `);
  return named.replace(ownProgram, program);
}

/** The fix with its command as it has to be typed here. What is said around the command stays as it is. */
export function fixHere(advice: Advice, invocation: Invocation): Fix {
  const { instruction, command } = fixOf(advice);
  return { instruction, command: command && commandHere(command, invocation) };
}

/** The whole of it in one line. */
export function fixTextHere(advice: Advice, invocation: Invocation): string {
  return fixText(fixHere(advice, invocation));
}

/** Reads a configuration; the commands in the fixes of its problems and warnings are as they have to be typed here. */
export async function readHere(invocation: Invocation, read: () => Promise<Config>): Promise<Config> {
  const config = await problemsHere(invocation, read);
  const warnings = config.warnings.map(({ fact, fix }) => ({ fact, fix: fix && fixHere(fix, invocation) }));
  return { ...config, warnings };
}

/** The same for whatever throws the problems of a configuration. */
export async function problemsHere<T>(invocation: Invocation, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const { ConfigError } = await import("../config/problem.ts");
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map((problem) => ({
      ...problem,
      fix: fixHere(problem.fix, invocation),
    }));
    throw new ConfigError(problems, { cause: error.cause });
  }
}

const readsConfiguration =
  /\bcc-relay (?=(?:accounts|doctor|env|log|login|notify|run|serve|service|top|usage|web)\b)/g;
const ownProgram = /(?<![\w./-]|npx )cc-relay(?= [\w-])/g;
