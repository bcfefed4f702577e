// Adds the command to Commander's own errors, so that its help can be named.

import { type Command, CommanderError } from "commander";

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
