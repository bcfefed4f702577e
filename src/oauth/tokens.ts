// Access tokens for every account with a login: always fresh, refreshed once for all callers, never lost.

import type { Dispatcher } from "undici";
import type { LoginSource } from "../account-kinds/account-kind.ts";
import type { OAuthOverrides, OAuthProvider } from "../account-kinds/oauth-provider.ts";
import type { LoginExtras, TokenStore } from "../domain/token-store.ts";
import type { ProxySettings } from "../network/proxy.ts";
import type { Log } from "../telemetry/log.ts";
import type { Clock } from "../time/clock.ts";
import { type AccessResult, type AccountLogin, createAccountLogin } from "./account-login.ts";
import type { RefreshRunner } from "./local-runner.ts";
import { createLocalRunner, type LocalRunner } from "./local-runner.ts";
import { createKeptExtras, type KeptExtras } from "./login-extras.ts";
import { type LoginFailure, storageFailure } from "./login-failure.ts";
import { createSetupTokens } from "./setup-token.ts";

/** An account with a login, as configured. */
export interface LoginAccount {
  id: string;
  kind: { readonly login: LoginSource | undefined };
  apiUrl: string;
  /** The refresh token, or setup token, in the configuration. */
  secret: string;
  /** `setup-token`: nothing is ever refreshed. */
  credential?: string;
  /** See SetupTokenAccount. */
  secretExpiresAt?: number | undefined;
  proxy: ProxySettings | undefined;
  /** Those that the configuration gives; undefined: they are found at first use. */
  extras: LoginExtras | undefined;
}

export type LoginToken =
  | {
      ok: true;
      token: string;
      /** Rotations so far. */
      generation: number;
      /** What the provider adds to a login; undefined: nothing. */
      extras?: LoginExtras | undefined;
    }
  | LoginFailure;

export interface TokenSource {
  /**
   * A token that is good for ten seconds at least. Refreshed in the background from two minutes before its end; a caller waits
   * only when it has ended. The signal ends the caller's waiting, never the refresh.
   */
  credential(account: LoginAccount, signal: AbortSignal): Promise<LoginToken>;
  /**
   * The provider answered 401 to `token`. Refreshes it once, unless it has been replaced meanwhile. Not ok with a passing
   * reason (`throttled`, `unreachable`, `proxy`) says nothing against the login.
   */
  refused(account: LoginAccount, token: string, signal: AbortSignal): Promise<LoginToken>;
  /** The provider refused what goes with the token: it is searched for again. What is configured is never replaced. */
  extrasRefused(account: LoginAccount): Promise<void>;
  /** A person had what was learned of the account forgotten: the next request asks the provider at once. */
  retryNow(accountId: string): void;
  /** Waits for refreshes under way: an answer that is not read loses its login. */
  close(): Promise<void>;
}

export interface TokenSourceDeps {
  tokens: TokenStore;
  /** The account's own dispatcher: its proxy carries refreshes too. */
  dispatcherFor(account: LoginAccount): Dispatcher;
  /** The configuration's `[oauth]`, asked anew for every refresh. */
  config(): OAuthSections;
  clock: Clock;
  log: Log;
  /** Hears every token, old and new, before it is used. */
  onSecret?(secret: string): void;
  /**
   * Carries out the refreshes of logins whose tokens are good once, `local` being how this process would. Without it this
   * process does, and one that is killed between the provider's answer and the disk loses the login.
   */
  runnerFor?(login: RefreshedLogin, local: LocalRunner): RefreshRunner;
}

/** By section: see LoginSource. */
export type OAuthSections = Readonly<Record<string, OAuthOverrides | undefined>>;

/** A login as it is now: all of it can change with the configuration. */
export interface RefreshedLogin {
  account(): LoginAccount;
  provider(): OAuthProvider;
}

export function createTokenSource(deps: TokenSourceDeps): TokenSource {
  const { clock } = deps;
  const setupTokens = createSetupTokens({ ...deps, now: clock.now });
  // One entry per login, not per account: a request that began before a reload still asks with the old token, and must not
  // throw away what belongs to the new one.
  const entries = new Map<string, Entry>();

  function entryOf(account: LoginAccount): Entry {
    const key = JSON.stringify([account.id, account.secret]);
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = createEntry(account);
      entries.set(key, entry);
    }
    entry.account = account;
    return entry;
  }

  function createEntry(account: LoginAccount): Entry {
    const entry: Entry = { account, login: undefined!, extras: undefined };
    const shared = {
      accountId: account.id,
      configuredToken: account.secret,
      tokens: deps.tokens,
      log: deps.log,
      onSecret: (secret: string) => deps.onSecret?.(secret),
    };
    const provider = () => providerFor(entry.account, deps.config());
    const dispatcher = () => deps.dispatcherFor(entry.account);
    const circumstances = () => {
      const { tokenUrl, clientId, clientSecret } = provider();
      const { apiUrl, proxy } = entry.account;
      return JSON.stringify([tokenUrl, clientId, clientSecret, apiUrl, proxy]);
    };
    const local = createLocalRunner({ ...shared, provider, dispatcher, now: clock.now });
    const runner =
      (provider().rotates && deps.runnerFor?.({ account: () => entry.account, provider }, local)) || local;
    entry.login = createAccountLogin({ ...shared, provider, circumstances, runner, clock });
    const source = account.kind.login?.extras;
    if (source !== undefined) {
      const apiUrl = () => entry.account.apiUrl;
      const { login } = entry;
      const given = { ...shared, source, provider, dispatcher, clock, circumstances, apiUrl, login };
      entry.extras = createKeptExtras(given);
    }
    return entry;
  }

  async function complete(entry: Entry, access: AccessResult, signal: AbortSignal): Promise<LoginToken> {
    if (!access.ok) return access;
    const { token, row } = access;
    const { generation } = row;
    const { extras, account } = entry;
    if (extras === undefined) return { ok: true, token, generation };
    if (account.extras !== undefined) return { ok: true, token, generation, extras: account.extras };
    const found = await extras.complete(access, signal);
    if (!found.ok) return found;
    return {
      ok: true,
      token: found.access.token,
      generation: found.access.row.generation,
      extras: found.extras,
    };
  }

  /** What is wrong with the store for one login is that account's trouble and not the request's. */
  async function ask(
    account: LoginAccount,
    signal: AbortSignal,
    access: (login: AccountLogin) => Promise<AccessResult>,
  ): Promise<LoginToken> {
    const entry = entryOf(account);
    try {
      return await complete(entry, await access(entry.login), signal);
    } catch (error) {
      deps.log.error({ account: account.id, err: error }, "a login cannot be read or written");
      return storageFailure(account.id, "the database cannot read or write it", clock.now());
    }
  }

  return {
    async credential(account, signal) {
      if (account.credential === "setup-token") {
        return (await setupTokens.findFailure(account)) ?? { ok: true, token: account.secret, generation: 0 };
      }
      return ask(account, signal, (login) => login.access(signal));
    },
    refused: (account, token, signal) => ask(account, signal, (login) => login.refused(token, signal)),
    async extrasRefused(account) {
      await entryOf(account).extras?.forget();
    },
    retryNow(accountId) {
      for (const { account, login, extras } of entries.values()) {
        if (account.id !== accountId) continue;
        login.retryNow();
        extras?.retryNow();
      }
    },
    async close() {
      await Promise.all([...entries.values()].map((entry) => entry.login.close()));
    },
  };
}

interface Entry {
  /** As configured now. */
  account: LoginAccount;
  login: AccountLogin;
  /** Undefined: the provider adds nothing. */
  extras: KeptExtras | undefined;
}

/** Where an account's login comes from. Its token goes nowhere else, so that an account without one is a fault of ours. */
function providerFor(
  { id, kind }: Pick<LoginAccount, "id" | "kind">,
  sections: OAuthSections,
): OAuthProvider {
  if (kind.login === undefined) throw new Error(`the account ${id} is of a kind that has no login`);
  return kind.login.provider(sections[kind.login.section] ?? {});
}
