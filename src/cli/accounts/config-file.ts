// Changes to the accounts in the configuration file. A running relay watches it.

import type { Config } from "../../config/config.ts";
import { readEnvironment } from "../../config/environment.ts";
import { editConfigFile } from "../../config/write.ts";
import { accountKinds } from "../../upstreams/kinds.ts";

/** `edit` throws a UserError when the account is gone meanwhile. */
export async function editAccounts({ file }: Config, edit: (text: string) => string): Promise<void> {
  // Accounts are written in a file, so there is one when there is an account to change.
  if (file !== undefined) {
    await editConfigFile({ file, environment: readEnvironment(), kinds: accountKinds, edit });
  }
}
