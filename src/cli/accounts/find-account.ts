// The account that somebody named on the command line.

import type { AccountConfig, Config } from "../../config/config.ts";
import { nearestWord } from "../../config/suggest.ts";
import { UserError } from "../../errors.ts";
import { redact } from "../../redact.ts";
import { singleLine, truncate } from "../../terminal/width.ts";

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

function suggest(id: string, ids: readonly string[], command: string): string {
  if (ids.length === 0) return "no account is configured; to add one, run: cc-relay login claude";
  const nearest = ids.length === 1 ? ids[0] : nearestWord(id, ids);
  if (nearest !== undefined) return `did you mean ${nearest}? run: cc-relay ${command} ${nearest}`;
  return ids.length <= maxNamed
    ? `use one of ${ids.join(", ")}`
    : "to see the accounts, run: cc-relay accounts list";
}

const maxNamed = 12;
