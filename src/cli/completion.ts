// `cc-relay completion`: the script that lets a shell complete our commands.

import { Argument, Command } from "commander";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type GrammarCommand, readGrammar } from "./completion/grammar.ts";
import { powershellScript } from "./completion/powershell.ts";
import { zshScript } from "./completion/zsh.ts";
import type { CommandContext } from "./context.ts";

const completionShells = ["bash", "zsh", "fish", "powershell"] as const;
export type CompletionShell = (typeof completionShells)[number];

const scripts: Readonly<Record<CompletionShell, (program: GrammarCommand) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  powershell: powershellScript,
};

export function completionCommand(context: CommandContext, run = runCompletion): Command {
  return new Command("completion")
    .description("print the completion script of a shell")
    .addArgument(new Argument("<shell>", "the shell").choices(completionShells))
    .addHelpText(
      "after",
      `
Examples:
  $ eval "$(cc-relay completion bash)"                   in ~/.bashrc
  $ cc-relay completion zsh > "\${fpath[1]}/_cc-relay"
  $ cc-relay completion fish > ~/.config/fish/completions/cc-relay.fish
  $ cc-relay completion powershell >> $PROFILE`,
    )
    .action((shell: CompletionShell) => run(context, shell));
}

export async function runCompletion(context: CommandContext, shell: CompletionShell): Promise<void> {
  // Not at the top: the program imports this file.
  const { createProgram } = await import("./program.ts");
  context.out.stdout.write(scripts[shell](readGrammar(await createProgram(context))));
}
