// The question before a credential is replaced.

import type { AccountKind } from "../../account-kinds/account-kind.ts";
import { UserError } from "../../errors.ts";
import type { CommandContext } from "../context.ts";
import type { LoginOptions } from "./options.ts";
import type { AccountPlan } from "./plan.ts";

/** Throws a UserError unless the answer is yes, or nothing is replaced. */
export async function confirmReplacing(
  { prompts }: CommandContext,
  { plan, kind }: { plan: AccountPlan; kind: AccountKind },
  { yes }: LoginOptions,
): Promise<void> {
  const { existing, id, replaces } = plan;
  if (existing === undefined || !replaces || yes) return;
  if (!prompts.available) {
    throw new UserError(
      `the account ${id} is there already, and there is no terminal to ask whether to change it`,
      {
        fix: "to give it the new credential, add --yes; for another account, choose another --id",
        exitCode: 2,
      },
    );
  }
  const before = existing.kind.labels.credential;
  const after = kind.labels.credential;
  const by = before === after ? "" : ` by ${after === "login" ? "a" : "an"} ${after}`;
  const message = `${id} is there already (${existing.type}). Replace its ${before}${by}?`;
  if (await prompts.confirm({ message })) return;
  throw new UserError(`${id} was not changed`, { exitCode: 2 });
}
