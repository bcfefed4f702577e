// What a family's requests come to when its last account goes.

import type { Config } from "../../config/config.ts";
import { type Family, familyNames } from "../../family.ts";
import { sign } from "../../terminal/style.ts";
import type { CommandContext } from "../context.ts";

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
