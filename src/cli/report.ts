// Prints the error of a command that failed, and chooses the exit code.

import { type Command, CommanderError } from "commander";
import { stackOf, UserError } from "../domain/errors.ts";
import type { Screen } from "../terminal/output.ts";
import { sign } from "../terminal/style.ts";
import { redact } from "../text/redact.ts";
import type { CommandContext } from "./context.ts";
import { commandHere, fixTextHere, type Invocation } from "./invocation.ts";

/** Prints the error; returns the exit code. */
export function reportError(error: unknown, context: Pick<CommandContext, "out"> & Invocation): number {
  const screen = context.out.stderr;
  const called = { program: context.program, configFile: undefined };
  if (error instanceof UsageError) return reportUsage(error, screen, called);
  if (error instanceof UserError) {
    screen.write(problem(error.message, fixTextHere(error.fix ?? "", context), screen));
    return error.exitCode;
  }
  screen.write(bug(error, screen, called));
  return 1;
}

/** `✗ what is wrong`, its further lines indented, and as the last line what fixes it. */
function problem(message: string, fix: string, screen: Screen): string {
  const [verdict = "", ...facts] = message.split("\n");
  const lines = [
    `${sign("fail", screen)} ${verdict}`,
    ...facts.map((line) => (line === "" ? "" : `  ${line}`)),
    ...(fix === "" ? [] : [`  - ${fix}`]),
  ];
  return `${lines.join("\n")}\n`;
}

/** Help and version are thrown by commander as well, but are no errors. */
function reportUsage(error: UsageError, screen: Screen, called: Invocation): number {
  if (error.exitCode === 0) return 0;
  // Called without a command: the help text was printed already.
  if (error.code === "commander.help") return 2;
  // An argument that is quoted can be a key that was given in the wrong place.
  const message = reword(redact(error.message));
  const help = commandHere(`${error.command} --help`, called);
  screen.write(problem(message, `to see how it is used, run: ${help}`, screen));
  return 2;
}

/** Commander's sentences, made to read like ours. */
function reword(message: string): string {
  return message
    .replace(/^error: /, "")
    .replace(
      /^command-argument value '(.{0,300}?)' is invalid for argument '[^']{0,100}'\. Allowed choices are (.{0,500})\.$/s,
      "'$1' is not one of $2",
    )
    .replace(
      /^option '(?:-\w, )?([^' ]{0,100})[^']{0,100}' argument '(.{0,300}?)' is invalid\. Allowed choices are (.{0,500})\.$/s,
      "$1: '$2' is not one of $3",
    )
    .replace(
      /^option '(?:-\w, )?([^' ]{0,100})[^']{0,100}' argument '(.{0,300}?)' is invalid\. (.{0,500})\.$/s,
      "$1: '$2' is invalid: $3",
    )
    .replace(/(?<!\s)\s*\(Did you mean (.{0,300})\?\)$/s, " (did you mean $1?)");
}

function bug(error: unknown, screen: Screen, called: Invocation): string {
  const text = stackOf(error);
  const cause =
    error instanceof Error && error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : "";
  return `${problem("this is a fault of cc-relay itself", "", screen)}${redact(text + cause).replace(/^/gm, "    ")}
  - please report it with the lines above and what this prints: ${commandHere("cc-relay --version", called)}; node --version
`;
}

export class UsageError extends CommanderError {
  /** As it is typed: `cc-relay accounts enable`. */
  readonly command: string;

  constructor({ exitCode, code, message }: CommanderError, command: Command) {
    super(exitCode, code, message);
    this.command = nameOf(command);
  }
}

function nameOf(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${nameOf(parent)} ${command.name()}`;
}
