// `cc-relay accounts enable` and `disable`. A running relay reads the file and the database again within a second.

import { readStateId } from "../../accounts/logins.ts";
import type { AccountConfig, Config } from "../../config/config.ts";
import { setAccountEnabled } from "../../config/edit.ts";
import type { Store } from "../../store/store.ts";
import { sign } from "../../terminal/style.ts";
import type { CommandContext } from "../context.ts";
import { changeStore } from "../store-access.ts";
import { editAccounts, findAccount, warnOfFamily } from "./configured-account.ts";

/** Switches the account on, and has everything forgotten that was learned against it. */
export async function enableAccount(context: CommandContext, id: string): Promise<void> {
  const config = await context.loadConfig({ missingVariables: "warning" });
  const account = findAccount(config, id, "accounts enable");
  const wasInCooldown = await changeStore(config, async (store) => {
    await editAccounts(config, (text) => setAccountEnabled(text, id, { enabled: true }));
    const isInCooldown = await cooldowns(store, id, context.clock());
    await store.accounts.forgetLearned(id, context.clock());
    return isInCooldown;
  });
  say(context, enabledText(account, wasInCooldown));
}

/** Switches the account off; its conversations go on with another one. */
export async function disableAccount(context: CommandContext, id: string): Promise<void> {
  const config = await context.loadConfig({ missingVariables: "warning" });
  const account = findAccount(config, id, "accounts disable");
  await changeStore(config, async (store) => {
    await editAccounts(config, (text) => setAccountEnabled(text, id, { enabled: false }));
    // A running relay does the same; without one this is the only chance.
    await store.bindings.dropAccount(id);
  });
  if (!account.enabled) return say(context, `${id} was disabled already`);
  say(context, `${id} is disabled`);
  warnOfFamily(context, withoutAccount(config, account), account.family);
}

async function cooldowns(store: Store, id: string, now: number): Promise<boolean> {
  const rows = await store.accounts.cooldowns();
  return rows.some((row) => readStateId(row.accountId).accountId === id && row.until > now);
}

function enabledText({ id, enabled }: AccountConfig, wasInCooldown: boolean): string {
  if (wasInCooldown)
    return enabled ? `${id} is ready: its cooldown is over` : `${id} is enabled, and its cooldown is over`;
  return enabled ? `${id} was enabled already` : `${id} is enabled`;
}

function withoutAccount(config: Config, { id }: AccountConfig): Config {
  const accounts = config.accounts.map((account) =>
    account.id === id ? { ...account, enabled: false } : account,
  );
  return { ...config, accounts };
}

function say({ out }: CommandContext, text: string): void {
  out.stderr.write(`${sign("ok", out.stderr)} ${text}\n`);
}
