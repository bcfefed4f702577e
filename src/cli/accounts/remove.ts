// `cc-relay accounts remove`: removes an account from the file and from the database; its usage stays.

import type { AccountConfig, Config } from "../../config/config.ts";
import { removeAccount as removeFromText } from "../../config/edit.ts";
import { toRun, UserError } from "../../domain/errors.ts";
import { sign } from "../../terminal/style.ts";
import type { CommandContext } from "../context.ts";
import { changeStore } from "../store-access.ts";
import { editAccounts, findAccount, warnOfFamily } from "./configured-account.ts";

export interface RemoveOptions {
  id: string;
  /** The answer to the question, given beforehand. */
  yes: boolean;
}

export async function removeAccount(context: CommandContext, { id, yes }: RemoveOptions): Promise<void> {
  const config = await context.loadConfig({ missingVariables: "warning" });
  const account = findAccount(config, id, "accounts remove");
  if (!yes) await confirm(context, config, account);
  await changeStore(config, async (store) => {
    await editAccounts(config, (text) => removeFromText(text, id));
    await store.accounts.forget(id);
  });
  const { stderr } = context.out;
  stderr.write(`${sign("ok", stderr)} ${id} is removed; its usage stays\n`);
  const accounts = config.accounts.filter((other) => other !== account);
  warnOfFamily(context, { ...config, accounts }, account.family);
}

async function confirm(
  { prompts }: CommandContext,
  { file }: Config,
  { id, type, kind }: AccountConfig,
): Promise<void> {
  if (!prompts.available) {
    throw new UserError("removing an account needs a yes, and there is no terminal to ask on", {
      fix: toRun("say yes beforehand", `cc-relay accounts remove ${id} --yes`),
      exitCode: 2,
    });
  }
  const secret = kind.labels.credential;
  const message = `Remove ${id} (${type}) and its ${secret} from ${file}? What it has used stays in the statistics.`;
  if (await prompts.confirm({ message })) return;
  throw new UserError(`${id} was not removed`, { exitCode: 2 });
}
