// The file that a login is written into, and what it says so far.

import { type AccountKinds, findKind } from "../../account-kinds/account-kind.ts";
import type { Config } from "../../config/config.ts";
import { findConfigTarget } from "../../config/discover.ts";
import { changeAccount } from "../../config/edit.ts";
import type { Environment } from "../../config/environment.ts";
import { readConfig } from "../../config/load.ts";
import { parseDocument } from "../../config/parse.ts";
import { ConfigError } from "../../config/problem.ts";
import { readEditableText } from "../../config/write.ts";
import { accountKinds } from "../../upstreams/kinds.ts";

export interface LoginPlace {
  /** Absolute; need not exist. */
  file: string;
  environment: Environment;
  kinds: AccountKinds;
  /** As it is when the file is read, or will be when it is made. */
  config: Config;
  /** Accounts that were written by hand and wait for their login: they have no refresh token yet. */
  unfinished: readonly string[];
}

/** Throws a UserError with every problem of the file, but for logins that are missing: this command is what fixes those. */
export async function findPlace(flag: string | undefined, environment: Environment): Promise<LoginPlace> {
  const file = await findConfigTarget({ flag, environment });
  const text = await readEditableText(file, environment);
  const kinds = accountKinds;
  const read = (toml: string) => readConfig(toml, { file, environment, kinds, missingVariables: "warning" });
  try {
    return { file, environment, kinds, config: read(text), unfinished: [] };
  } catch (error) {
    const completed = error instanceof ConfigError ? completeLogins(text) : undefined;
    if (completed === undefined) throw error;
    try {
      return { file, environment, kinds, config: read(completed.text), unfinished: completed.ids };
    } catch {
      // Something else is wrong as well, and the message about the present text is the right one.
      throw error;
    }
  }
}

/** The text with something in the place of every login that is missing; undefined when none is, or nobody could say where. */
function completeLogins(text: string): { text: string; ids: string[] } | undefined {
  let completed = text;
  try {
    const ids = findUnfinished(parseDocument(text));
    for (const id of ids) completed = changeAccount(completed, id, { refresh_token: "missing" });
    return ids.length === 0 ? undefined : { text: completed, ids };
  } catch {
    return undefined;
  }
}

function findUnfinished({ accounts }: Record<string, unknown>): string[] {
  const tables = Array.isArray(accounts) ? (accounts as Record<string, unknown>[]) : [];
  return tables.flatMap(({ id, type, refresh_token, setup_token }) => {
    const waits = findKind(accountKinds, type)?.credentials[0] === "refresh_token";
    const hasNone = refresh_token === undefined && setup_token === undefined;
    return waits && hasNone && typeof id === "string" ? [id] : [];
  });
}
