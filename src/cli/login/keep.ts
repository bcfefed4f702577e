// Saves a credential where the relay finds it: a login into the database first, then the account into the file.

import type { AccountKind, CredentialKey } from "../../account-kinds/account-kind.ts";
import { type AccountChanges, addAccount } from "../../config/edit.ts";
import { editConfigFile } from "../../config/write.ts";
import { UserError } from "../../domain/errors.ts";
import type { LoginExtras } from "../../domain/token-store.ts";
import type { Login } from "../../oauth/login.ts";
import { type SavedLogin, saveLogin } from "../../oauth/saved-login.ts";
import { openStore } from "../../store/open.ts";
import { sign } from "../../terminal/style.ts";
import type { CommandContext } from "../context.ts";
import { changeStore } from "../store-access.ts";
import type { LoginPlace } from "./place.ts";
import { type AccountPlan, newEntry, writeEntry } from "./plan.ts";

export interface Keeping {
  place: LoginPlace;
  plan: AccountPlan;
  kind: AccountKind;
}

export interface KeptKey {
  key: CredentialKey;
  /** Undefined: none is needed. */
  secret: string | undefined;
  settings: AccountChanges | undefined;
}

/** Throws a UserError when the file cannot be written; then nothing has changed. */
export async function keepKey(
  context: CommandContext,
  keeping: Keeping,
  { key, secret, settings }: KeptKey,
): Promise<void> {
  const { place, plan, kind } = keeping;
  await editConfigFile({ ...place, edit: writeEntry(plan, { kind, key, secret, settings }) });
  const { existing, id } = plan;
  await unlessStoreFails(context, "what was known of the account stays known", () =>
    changeStore(place.config, async ({ accounts }) => {
      // A login that has become a key: its tokens are of no use any more, and secret.
      if (existing !== undefined && existing.type !== kind.type) await accounts.forget(id);
      else await accounts.forgetLearned(id, context.clock());
    }),
  );
}

export interface NewLogin {
  login: Login;
  /** What the provider adds to it, kept with it; undefined: nothing, or it is not known yet. */
  extras: LoginExtras | undefined;
  /** What of that the file has to say, because the provider does not. */
  configuredExtras: LoginExtras | undefined;
}

/** Throws a UserError when the file cannot be written, which says what has become of the login. */
export async function keepLogin(
  context: CommandContext,
  keeping: Keeping,
  { login, extras, configuredExtras }: NewLogin,
): Promise<void> {
  const { place, plan, kind } = keeping;
  const saved: SavedLogin = {
    accountId: plan.id,
    login,
    now: context.clock(),
    extras,
  };
  // Without the database there still is the refresh token in the file.
  const refresh = "the relay refreshes the login at its first use";
  const store = await unlessStoreFails(context, refresh, () =>
    openStore(place.config.server, { for: "writing" }),
  );
  try {
    const isSaved = await unlessStoreFails(context, refresh, async () => {
      if (store !== undefined) await saveLogin(store.tokens, saved);
      return store !== undefined;
    });
    try {
      const entry = { kind, secret: login.refreshToken, extras: configuredExtras };
      await editConfigFile({ ...place, edit: writeEntry(plan, entry) });
    } catch (error) {
      if (!(error instanceof UserError) || !isSaved) throw error;
      const { configuredToken, message } = liveWithoutFile(keeping, { login, extras, configuredExtras });
      await saveLogin(store!.tokens, { ...saved, configuredToken });
      throw new UserError(`${error.message}\n${message}`, { fix: error.fix, cause: error });
    }
    if (store !== undefined)
      await unlessStoreFails(context, "its cooldown is over later", () =>
        store.accounts.forgetLearned(plan.id, context.clock()),
      );
  } finally {
    await store?.close();
  }
}

/** Undefined when the database cannot be used, which is said together with what comes of it. */
async function unlessStoreFails<T>(
  { out }: CommandContext,
  outcome: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    if (!isLate && !(error instanceof UserError)) throw error;
    const what = isLate ? "another process is refreshing this login and does not finish" : error.message;
    out.stderr.write(`${sign("warn", out.stderr)} ${what}; ${outcome}\n`);
    return undefined;
  }
}

/** Written to the file where the refresh token is in the database only. */
const placeholder = "kept-in-the-database";

/**
 * How a login lives on whose refresh token could not be written into the file: the database then holds it as the successor of
 * what the file says, as if the provider had rotated it.
 */
function liveWithoutFile(
  { plan, place, kind }: Keeping,
  { configuredExtras }: NewLogin,
): { configuredToken: string; message: string } {
  const kept = `the login is not lost: it is in ${place.config.server.databasePath}`;
  if (plan.existing?.type === kind.type) {
    const message = `${kept}, and the account uses it, whatever the file says`;
    return { configuredToken: plan.existing.secret, message };
  }
  const entry = newEntry(plan, { kind, secret: placeholder, extras: configuredExtras });
  const proxy = entry.proxy && { ...entry.proxy, ...(entry.proxy.password ? { password: "PASSWORD" } : {}) };
  const lines = addAccount("", plan.id, { ...entry, proxy }).trimEnd();
  const replaces = plan.existing === undefined ? "" : `, in the place of what it says about ${plan.id}`;
  return {
    configuredToken: placeholder,
    message: `${kept}; it is used as soon as the file has these lines${replaces}:\n\n${lines}\n`,
  };
}
