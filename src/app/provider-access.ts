// The accounts' connections and logins for a command that tries them, beside a running relay or without one.

import { existsSync } from "node:fs";
import type { Dispatcher } from "undici";
import type { AccountConfig, Config } from "../config/config.ts";
import type { TokenRow } from "../domain/token-store.ts";
import { createDispatchers } from "../network/dispatchers.ts";
import { hashToken } from "../oauth/refresh.ts";
import { setupTokenEnd } from "../oauth/setup-token.ts";
import { createTokenSource, type LoginToken, type TokenSource } from "../oauth/tokens.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { silentLog } from "../telemetry/log.ts";
import { systemClock } from "../time/clock.ts";
import { createDetachedRefreshes } from "./refresh-process/detached-refreshes.ts";

export interface ProviderAccess {
  dispatcherFor(account: AccountConfig): Dispatcher;
  logins: {
    /** The stored token while it is good: then nothing is refreshed and nothing written. Throws UserError when the database cannot be used. */
    credential(account: AccountConfig, signal: AbortSignal): Promise<LoginToken>;
    refused(account: AccountConfig, token: string, signal: AbortSignal): Promise<LoginToken>;
    setupTokenEnd(account: AccountConfig): Promise<number | undefined>;
  };
  /** Waits for refreshes under way: the answer holds the only refresh token there is. */
  close(): Promise<void>;
}

export interface ProviderAccessOptions {
  connectTimeoutMs: number;
  /** A PEM certificate to trust beside those Node trusts. */
  ca?: string;
  now(): number;
}

export function openProviderAccess(config: Config, options: ProviderAccessOptions): ProviderAccess {
  const { databasePath } = config.server;
  const { connectTimeoutMs, ca, now } = options;
  const dispatchers = createDispatchers({ connectTimeoutMs, ca, environmentProxy: config.environmentProxy });
  const dispatcherFor = ({ id, proxy }: Pick<AccountConfig, "id" | "proxy">) => dispatchers.for(id, proxy);
  let reading: Promise<Store> | undefined;
  let writing: Promise<{ store: Store; tokens: TokenSource }> | undefined;

  async function loadRow(accountId: string): Promise<TokenRow | undefined> {
    if (!existsSync(databasePath)) return undefined;
    reading ??= openStore(config.server, { for: "reading" });
    return (await reading).tokens.load(accountId);
  }

  /** Creates the database where there is none: a refreshed login must be on the disk, or it is lost. */
  async function source(): Promise<TokenSource> {
    writing ??= openStore(config.server, { for: "writing" }).then((store) => ({
      store,
      tokens: createTokens(store),
    }));
    return (await writing).tokens;
  }

  function createTokens({ tokens }: Store): TokenSource {
    const { oauth, environmentProxy } = config;
    const site = () => ({ databasePath, connectTimeoutMs, environmentProxy });
    return createTokenSource({
      tokens,
      dispatcherFor,
      config: () => oauth,
      clock: { ...systemClock, now },
      log: silentLog,
      // Somebody who waits presses Ctrl-C.
      runnerFor: createDetachedRefreshes({ site, tokens, now, log: silentLog }).runnerFor,
    });
  }

  return {
    dispatcherFor,
    logins: {
      async credential(account, signal) {
        return (
          readGood(account, await loadRow(account.id), now()) ?? (await source()).credential(account, signal)
        );
      },
      async setupTokenEnd(account) {
        // A database that cannot be read has a check of its own.
        return setupTokenEnd(account, await loadRow(account.id).catch(() => undefined));
      },
      refused: async (account, token, signal) => (await source()).refused(account, token, signal),
    },
    async close() {
      const opened = await writing?.catch(() => undefined);
      await opened?.tokens.close();
      await dispatchers.close();
      await opened?.store.close();
      await (await reading?.catch(() => undefined))?.close();
    },
  };
}

/** The request leaves now and is answered soon. */
const minLifetimeMs = 10_000;

/** The stored token, when it belongs to the configured login and nothing is missing to use it. */
function readGood(account: AccountConfig, row: TokenRow | undefined, now: number): LoginToken | undefined {
  if (row?.accessToken === undefined || row.configuredHash !== hashToken(account.secret)) return undefined;
  if ((row.expiresAt ?? 0) - now < minLifetimeMs) return undefined;
  const extras = account.extras ?? row.extras;
  if (account.kind.login?.extras !== undefined && extras === undefined) return undefined;
  return { ok: true, token: row.accessToken, generation: row.generation, extras };
}
