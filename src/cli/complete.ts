// `cc-relay __complete`: what completion scripts ask for while somebody types. Says nothing rather than something wrong.

import { Argument, Command } from "commander";
import { UserError } from "../domain/errors.ts";
import type { CommandContext } from "./context.ts";

export function completeCommand(context: CommandContext, run = runComplete): Command {
  return new Command("__complete")
    .description("print what a shell can complete")
    .addArgument(new Argument("<what>").choices(["accounts"]))
    .action(() => run(context));
}

/** The ids of the configured accounts, one a line. */
export async function runComplete(context: CommandContext): Promise<void> {
  try {
    const { accounts } = await context.loadConfig({ missingVariables: "warning" });
    context.out.stdout.write(accounts.map(({ id }) => `${id}\n`).join(""));
  } catch (error) {
    // A configuration that cannot be read has no ids; the reasons would only disturb the line that is being typed.
    if (!(error instanceof UserError)) throw error;
  }
}
