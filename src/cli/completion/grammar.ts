// The command line as completion scripts need it: read off the real commands, so that it cannot differ from them.

import type { Argument, Command, Option } from "commander";

export interface GrammarCommand {
  /** Names from the program down, without the program's own: "" for the program, `accounts list`. */
  path: string;
  name: string;
  description: string;
  options: GrammarOption[];
  /** What the next argument can be. */
  operands: Operands;
  commands: GrammarCommand[];
}

export interface GrammarOption {
  /** `--port`, and `-h` where there is one. */
  names: string[];
  description: string;
  /** Undefined: the option takes no value. */
  value: Operands | undefined;
}

export type Operands =
  | { kind: "none" }
  | { kind: "words"; words: string[] }
  /** Ids of accounts, asked for when they are needed. */
  | { kind: "accounts" }
  | { kind: "files" };

export function readGrammar(program: Command): GrammarCommand {
  return readCommand(program, "");
}

/** Every command, the program first. */
export function* everyCommand(command: GrammarCommand): Iterable<GrammarCommand> {
  yield command;
  for (const child of command.commands) yield* everyCommand(child);
}

function readCommand(command: Command, path: string): GrammarCommand {
  const help = command.createHelp();
  const commands = help
    .visibleCommands(command)
    .map((child) => readCommand(child, path === "" ? child.name() : `${path} ${child.name()}`));
  const helpCommand = commands.find(({ name }) => name === "help");
  if (helpCommand) {
    const words = commands.filter((child) => child !== helpCommand).map(({ name }) => name);
    helpCommand.operands = { kind: "words", words };
  }
  return {
    path,
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).map(readOption),
    operands: commands.length > 0 ? { kind: "none" } : readArgument(command.registeredArguments[0]),
    commands,
  };
}

function readOption(option: Option): GrammarOption {
  return {
    names: [option.long, option.short].filter((name) => name !== undefined && name !== null),
    description: option.description,
    value: option.required || option.optional ? readOptionValue(option) : undefined,
  };
}

function readOptionValue(option: Option): Operands {
  if (option.argChoices) return { kind: "words", words: [...option.argChoices] };
  if (/<id>/.test(option.flags)) return { kind: "accounts" };
  return /<file>/.test(option.flags) ? { kind: "files" } : { kind: "none" };
}

/** An argument that is called `id` takes the id of an account, and so does an option's. */
function readArgument(argument: Argument | undefined): Operands {
  if (argument?.argChoices) return { kind: "words", words: [...argument.argChoices] };
  return argument?.name() === "id" ? { kind: "accounts" } : { kind: "none" };
}
