// `cc-relay accounts`: list, enable, disable and remove accounts.

import { Argument, Command } from "commander";
import { disableAccount, enableAccount } from "./accounts/enable.ts";
import { listAccounts } from "./accounts/list.ts";
import { removeAccount } from "./accounts/remove.ts";
import type { CommandContext } from "./context.ts";

export interface AccountsActions {
  list: typeof listAccounts;
  enable: typeof enableAccount;
  disable: typeof disableAccount;
  remove: typeof removeAccount;
}

const actions: AccountsActions = {
  list: listAccounts,
  enable: enableAccount,
  disable: disableAccount,
  remove: removeAccount,
};

export function accountsCommand(context: CommandContext, run = actions): Command {
  return new Command("accounts")
    .description("show, switch and remove the accounts")
    .addCommand(listCommand(context, run))
    .addCommand(enableCommand(context, run))
    .addCommand(disableCommand(context, run))
    .addCommand(removeCommand(context, run))
    .addHelpText(
      "after",
      "\nTo add an account, see: cc-relay login --help\n\nExample:\n  $ cc-relay accounts list",
    );
}

function listCommand(context: CommandContext, run: AccountsActions): Command {
  return new Command("list")
    .description("show how each account is doing: its state, its windows, its last 24 hours")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
In a pipe, one line per account, tab-separated: id, type, priority, state, until
when, why, windows, requests, tokens and USD of the last 24 hours.

Examples:
  $ cc-relay accounts list
  $ cc-relay accounts list --json | jq -r '.accounts[] | select(.state != "ready").id'`,
    )
    .action((flags: { json?: boolean }) => run.list(context, { json: flags.json ?? false }));
}

function enableCommand(context: CommandContext, run: AccountsActions): Command {
  return new Command("enable")
    .description("use an account again: switch it on, and end its cooldown")
    .addArgument(idArgument())
    .addHelpText("after", "\nExample:\n  $ cc-relay accounts enable claude-1")
    .action((id: string) => run.enable(context, id));
}

function disableCommand(context: CommandContext, run: AccountsActions): Command {
  return new Command("disable")
    .description("send nothing more to an account until it is enabled again")
    .addArgument(idArgument())
    .addHelpText("after", "\nExample:\n  $ cc-relay accounts disable claude-1")
    .action((id: string) => run.disable(context, id));
}

function removeCommand(context: CommandContext, run: AccountsActions): Command {
  return new Command("remove")
    .description("take an account out of the configuration and forget its login; its usage stays")
    .addArgument(idArgument())
    .option("-y, --yes", "do not ask")
    .addHelpText("after", "\nExample:\n  $ cc-relay accounts remove claude-1")
    .action((id: string, flags: { yes?: boolean }) => run.remove(context, { id, yes: flags.yes ?? false }));
}

/** By this name completion scripts know that ids are wanted. */
function idArgument(): Argument {
  return new Argument("<id>", "the account's id");
}
