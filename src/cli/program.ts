// The command line as a whole: which commands there are, and what holds for all of them.

import { Command, Option } from "commander";
import type { CommandContext } from "./context.ts";
import { UsageError } from "./report.ts";

/** In the order of the help text. Each is loaded only when it is called or listed: start-up time is paid by every request of `npx`. */
const commands: Readonly<Record<string, (context: CommandContext) => Promise<Command>>> = {
  serve: async (context) => (await import("./serve.ts")).serveCommand(context),
  login: async (context) => (await import("./login.ts")).loginCommand(context),
  accounts: async (context) => (await import("./accounts.ts")).accountsCommand(context),
  top: async (context) => (await import("./top.ts")).topCommand(context),
  log: async (context) => (await import("./log.ts")).logCommand(context),
  web: async (context) => (await import("./web.ts")).webCommand(context),
  notify: async (context) => (await import("./notify.ts")).notifyCommand(context),
  usage: async (context) => (await import("./usage.ts")).usageCommand(context),
  doctor: async (context) => (await import("./doctor.ts")).doctorCommand(context),
  env: async (context) => (await import("./env.ts")).envCommand(context),
  run: async (context) => (await import("./run.ts")).runCommand(context),
  completion: async (context) => (await import("./completion.ts")).completionCommand(context),
  service: async (context) => (await import("./service.ts")).serviceCommand(context),
  __complete: async (context) => (await import("./complete.ts")).completeCommand(context),
};

/** @param argv the arguments, when only what they call for has to be loaded; every command otherwise. */
export async function createProgram(context: CommandContext, argv?: readonly string[]): Promise<Command> {
  const program = new Command("cc-relay")
    .description(
      "One local endpoint for Claude Code, Gemini CLI, Codex and every SDK that speaks their APIs, over your own accounts.",
    )
    .version(context.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .addOption(configOption(context))
    .enablePositionalOptions()
    .addHelpText(
      "after",
      `
Examples:
  $ cc-relay serve --demo                try everything without an account
  $ eval "$(cc-relay env claude)"        point this shell's Claude Code at it
  $ cc-relay run claude -- -p "Say hi"   the same for one run`,
    );
  for (const name of argv ? needed(argv) : Object.keys(commands)) {
    const command = await commands[name]?.(context);
    if (command) program.addCommand(command, { hidden: name.startsWith("__") });
  }
  for (const command of everyCommand(program)) settle(command, program, context);
  return program;
}

/** The names of the commands that the arguments can reach. */
function needed(argv: readonly string[]): string[] {
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? "";
    if (argument === "--config") index += 1;
    else if (argument === "-V" || argument === "--version") return [];
    else if (!argument.startsWith("-"))
      return Object.hasOwn(commands, argument) ? [argument] : Object.keys(commands);
  }
  return Object.keys(commands);
}

function* everyCommand(command: Command): Iterable<Command> {
  yield command;
  for (const child of command.commands) yield* everyCommand(child);
}

/** What commander hands down only to commands that it creates itself. */
function settle(command: Command, program: Command, context: CommandContext): void {
  const { out } = context;
  if (command !== program) {
    command.copyInheritedSettings(program).helpOption("-h, --help", "print this help");
    // `cc-relay serve --config FILE` is what fingers type.
    if (command.commands.length === 0) command.addOption(configOption(context).hideHelp());
  }
  command.exitOverride((error) => {
    throw new UsageError(error, command);
  });
  command.configureOutput({
    writeOut: (text) => out.stdout.write(text),
    writeErr: (text) => out.stderr.write(text),
    getOutHelpWidth: () => out.stdout.width,
    getErrHelpWidth: () => out.stderr.width,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
    // Usage errors are thrown too, and printed in one place.
    outputError: () => {},
  });
}

/** Known as soon as it is read: what is wrong with the rest of the line is said with a command, too. */
function configOption(context: CommandContext): Option {
  return new Option("--config <file>", "read this configuration file").argParser((file: string) => {
    context.configFile = file;
    return file;
  });
}
