// The settings that decide whether an account is reached and accepted. A cooldown for another reason than the provider's limits is
// about them, and over when they change: a fixed file is a fixed account.

import { createHash } from "node:crypto";
import type { AccountConfig, Config } from "../config/config.ts";
import type { CooldownRow } from "../store/store.ts";

type SharedSettings = Pick<Config, "oauth" | "environmentProxy">;

/** A hash, because it is stored in the database and a secret is among them. */
export function hashSettings(account: AccountConfig, { oauth, environmentProxy }: SharedSettings): string {
  const { type, kind, apiUrl, secret, extras, auth } = account;
  const proxy = account.proxy ?? environmentProxy;
  const login = kind.login && (oauth[kind.login.section] ?? {});
  const settings = JSON.stringify([type, apiUrl, secret, extras, proxy, login, auth]);
  return createHash("sha256").update(settings).digest("hex");
}

/** A hash of the secret alone: with another one nothing that was learned of the account holds. */
export function hashSecret({ id, secret }: AccountConfig): string {
  return createHash("sha256")
    .update(JSON.stringify([id, secret]))
    .digest("hex");
}

/**
 * Whether a cooldown is about other settings than the account has now. Only the relay itself can decide this: the proxies of its
 * environment are among them, and another program may have another environment.
 */
export function isOutdated(
  { kind, settings }: Pick<CooldownRow, "kind" | "settings">,
  current: string,
): boolean {
  return settings !== undefined && settings !== current && !providerKinds.has(kind);
}

/** The provider's limits and load are what they are, however it is asked. */
const providerKinds: ReadonlySet<string> = new Set(["rate-limited", "capacity"]);
