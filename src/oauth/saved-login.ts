// Puts a new login into the store, so that the first request needs no refresh.

import type { LoginExtras, TokenStore } from "../domain/token-store.ts";
import type { Login } from "./login.ts";
import { hashToken } from "./refresh.ts";

export interface SavedLogin {
  accountId: string;
  login: Login;
  /** What the provider adds to it, when it was found already. */
  extras?: LoginExtras | undefined;
  /** What the configuration holds for it when that is not its own refresh token: a file that could not be written. */
  configuredToken?: string;
  now: number;
}

/**
 * Call it before the refresh token is written to the configuration: a running relay that reads the file then finds the pair.
 * Replaces whatever login the account had.
 */
export async function saveLogin(
  tokens: TokenStore,
  { accountId, login, extras, configuredToken = login.refreshToken, now }: SavedLogin,
): Promise<void> {
  await tokens.withLock(
    accountId,
    async () => {
      for (;;) {
        const before = await tokens.load(accountId);
        const row = {
          accountId,
          configuredHash: hashToken(configuredToken),
          refreshToken: login.refreshToken,
          accessToken: login.accessToken,
          expiresAt: login.expiresAt,
          extras,
          generation: (before?.generation ?? 0) + 1,
          updatedAt: now,
          exchangeHash: undefined,
          exchangeAt: undefined,
        };
        if (await tokens.replace(row, before?.generation)) return;
      }
    },
    AbortSignal.timeout(lockLimitMs),
  );
}

/** Longer than the slowest refresh of the login that is being replaced. */
const lockLimitMs = 75_000;
