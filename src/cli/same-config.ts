// Adds the `--config` of this call to commands that are suggested to a person: without it they would be about another relay.

import type { Config } from "../config/config.ts";
import { type Advice, type Fix, fixOf, fixText } from "../domain/errors.ts";
import { shellWord } from "../terminal/shells.ts";

/** The command with that file where it is one of ours that reads a configuration; as it is where none was named. */
export function withSameConfig(command: string, configFile: string | undefined): string {
  if (configFile === undefined) return command;
  return command.replace(ownCommand, () => `cc-relay --config ${shellWord(configFile)} `);
}

/** The fix with that file in its command. What is said around the command stays as it is. */
export function fixHere(advice: Advice, configFile: string | undefined): Fix {
  const { instruction, command } = fixOf(advice);
  return { instruction, command: command && withSameConfig(command, configFile) };
}

/** The whole of it in one line. */
export function fixTextHere(advice: Advice, configFile: string | undefined): string {
  return fixText(fixHere(advice, configFile));
}

/** Reads a configuration; the fixes of its problems and warnings have that file in their commands. */
export async function readHere(configFile: string | undefined, read: () => Promise<Config>): Promise<Config> {
  const config = await problemsHere(configFile, read);
  const warnings = config.warnings.map(({ fact, fix }) => ({ fact, fix: fix && fixHere(fix, configFile) }));
  return { ...config, warnings };
}

/** The same for whatever throws the problems of a configuration. */
export async function problemsHere<T>(configFile: string | undefined, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const { ConfigError } = await import("../config/problem.ts");
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map((problem) => ({
      ...problem,
      fix: fixHere(problem.fix, configFile),
    }));
    throw new ConfigError(problems, { cause: error.cause });
  }
}

const ownCommand =
  /\bcc-relay (?=(?:accounts|doctor|env|log|login|notify|run|serve|service|top|usage|web)\b)/g;
