// Finds an account in the configuration, changes the file it is in, and says what its family has left.

import type { AccountConfig, Config } from "../../config/config.ts";
import { readEnvironment } from "../../config/environment.ts";
import { nearestWord } from "../../config/suggest.ts";
import { editConfigFile } from "../../config/write.ts";
import { type Advice, toRun, UserError } from "../../domain/errors.ts";
import { type Family, familyNames } from "../../domain/family.ts";
import { sign } from "../../terminal/style.ts";
import { singleLine, truncate } from "../../terminal/width.ts";
import { redact } from "../../text/redact.ts";
import { accountKinds } from "../../upstreams/kinds.ts";
import type { CommandContext } from "../context.ts";

/** Throws a UserError that offers the nearest id. `command` is what was called: `accounts enable`. */
export function findAccount({ accounts }: Config, id: string, command: string): AccountConfig {
  const found = accounts.find((account) => account.id === id);
  if (found) return found;
  const ids = accounts.map((account) => account.id);
  // A key that was pasted in the wrong place must not be repeated.
  const typed = truncate(singleLine(redact(id)), 60);
  throw new UserError(`there is no account ${typed === "" ? "without an id" : typed}`, {
    fix: suggest(id, ids, command),
  });
}

function suggest(id: string, ids: readonly string[], command: string): Advice {
  if (ids.length === 0)
    return { instruction: "no account is configured; to add one, run:", command: "cc-relay login claude" };
  const nearest = ids.length === 1 ? ids[0] : nearestWord(id, ids);
  if (nearest !== undefined)
    return { instruction: `did you mean ${nearest}? run:`, command: `cc-relay ${command} ${nearest}` };
  return ids.length <= maxNamed
    ? `use one of ${ids.join(", ")}`
    : toRun("see the accounts", "cc-relay accounts list");
}

const maxNamed = 12;

/** `edit` throws a UserError when the account is gone meanwhile. */
export async function editAccounts({ file }: Config, edit: (text: string) => string): Promise<void> {
  // Accounts are written in a file, so there is one when there is an account to change.
  if (file !== undefined) {
    await editConfigFile({ file, environment: readEnvironment(), kinds: accountKinds, edit });
  }
}

/** Says on standard error what is no longer served; nothing while an enabled account is left. */
export function warnOfFamily({ out }: CommandContext, after: Config, family: Family): void {
  const left = after.accounts.filter((account) => account.family === family);
  if (left.some(({ enabled }) => enabled)) return;
  // Without any account and without keys the relay passes requests on with the client's own credential.
  const isForwarded = left.length === 0 && after.apiKeys.length === 0;
  const [account, outcome] = isForwarded
    ? ["account", "go on with the client's own credential"]
    : ["enabled account", "are answered with an error"];
  out.stderr.write(
    `${sign("warn", out.stderr)} no ${account} for ${familyNames[family]} is left: its requests ${outcome}\n`,
  );
}
