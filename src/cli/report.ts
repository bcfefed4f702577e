// What a person sees when a command fails, and what the process exits with.

import { CommanderError } from "commander";
import { UserError } from "../errors.ts";
import { redact } from "../redact.ts";
import type { Screen } from "../terminal/output.ts";
import { sign } from "../terminal/style.ts";

/** Prints the error; returns the exit code. */
export function reportError(error: unknown, screen: Screen, argv: readonly string[]): number {
  if (error instanceof CommanderError) return reportUsage(error, screen, argv);
  if (error instanceof UserError) {
    screen.write(problem(error.message, error.fix, screen));
    return error.exitCode;
  }
  screen.write(bug(error, screen));
  return 1;
}

/** `✗ what is wrong`, its further lines indented, and as the last line what mends it. */
function problem(message: string, fix: string | undefined, screen: Screen): string {
  const [verdict = "", ...facts] = message.split("\n");
  const lines = [
    `${sign("fail", screen)} ${verdict}`,
    ...facts.map((line) => (line === "" ? "" : `  ${line}`)),
    ...(fix === undefined ? [] : [`  - ${fix}`]),
  ];
  return `${lines.join("\n")}\n`;
}

/** Help and version are thrown by commander as well, but are no errors. */
function reportUsage(error: CommanderError, screen: Screen, argv: readonly string[]): number {
  if (error.exitCode === 0) return 0;
  // Called without a command: the help text was printed already.
  if (error.code === "commander.help") return 2;
  // An argument that is quoted can be a key that was given in the wrong place.
  const message = reword(redact(error.message));
  screen.write(
    problem(
      message,
      `to see how it is used, run: ${["cc-relay", ...(error.code === "commander.unknownCommand" ? [] : commandPath(argv)), "--help"].join(" ")}`,
      screen,
    ),
  );
  return 2;
}

/** Commander's sentences, made to read like ours. */
function reword(message: string): string {
  return message
    .replace(/^error: /, "")
    .replace(
      /^command-argument value '(.*)' is invalid for argument '.*'\. Allowed choices are (.*)\.$/s,
      "'$1' is none of $2",
    )
    .replace(
      /^option '([^' ]*)[^']*' argument '(.*)' is invalid\. Allowed choices are (.*)\.$/s,
      "$1: '$2' is none of $3",
    )
    .replace(/\s*\(Did you mean (.*)\?\)$/s, " (did you mean $1?)");
}

/** The first argument that can be a command's name. */
function commandPath(argv: readonly string[]): string[] {
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? "";
    if (argument === "--config") index += 1;
    else if (/^[a-z]+$/.test(argument)) return [argument];
    else if (!argument.startsWith("-")) return [];
  }
  return [];
}

function bug(error: unknown, screen: Screen): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const cause =
    error instanceof Error && error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : "";
  return `${problem("this is a fault of cc-relay itself", undefined, screen)}${redact(text + cause).replace(/^/gm, "    ")}
  - please report it with the lines above and what this prints: cc-relay --version; node --version
`;
}
