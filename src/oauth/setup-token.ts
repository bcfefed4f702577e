// Tokens of `claude setup-token`: good for a year, and nothing refreshes them.

import type { Fix } from "../domain/errors.ts";
import type { TokenRow, TokenStore } from "../domain/token-store.ts";
import type { Log } from "../telemetry/log.ts";
import type { LoginFailure } from "./login-failure.ts";
import { hashToken } from "./refresh.ts";

export interface SetupTokenAccount {
  id: string;
  /** The setup token as configured. */
  secret: string;
  /** Its end as configured, epoch ms; undefined: a year from its first use. */
  secretExpiresAt?: number | undefined;
}

/** By its maker's documentation; counted from the first use here, since the token does not say when it was made. */
const lifetimeMs = 365 * 86_400_000;

export interface SetupTokens {
  /** Undefined while the token may be used. Writes down its first use. */
  findFailure(account: SetupTokenAccount): Promise<LoginFailure | undefined>;
}

export interface SetupTokenDeps {
  tokens: TokenStore;
  now(): number;
  log: Log;
}

export function createSetupTokens({ tokens, now, log }: SetupTokenDeps): SetupTokens {
  // By id and token: a login that is replaced begins a year of its own.
  const ends = new Map<string, Promise<number>>();

  async function recordFirstUse({ id, secret }: SetupTokenAccount): Promise<number> {
    const row = await tokens.load(id);
    const known = readEnd(row, secret);
    if (known !== undefined) return known;
    const next = firstUse({ id, secret }, { generation: (row?.generation ?? 0) + 1, now: now() });
    const written = await tokens.replace(next, row?.generation);
    // Somebody else was faster, with the same token or a newer one.
    return written ? now() + lifetimeMs : (readEnd(await tokens.load(id), secret) ?? now() + lifetimeMs);
  }

  function endOf(account: SetupTokenAccount): Promise<number> {
    if (account.secretExpiresAt !== undefined) return Promise.resolve(account.secretExpiresAt);
    const key = JSON.stringify([account.id, account.secret]);
    const known = ends.get(key);
    if (known !== undefined) return known;
    const found = recordFirstUse(account).catch((error: unknown) => {
      // The token is good all the same; the next request tries again.
      ends.delete(key);
      log.warn(
        { account: account.id, err: error },
        "the first use of a setup token could not be written down",
      );
      return Number.POSITIVE_INFINITY;
    });
    ends.set(key, found);
    return found;
  }

  return {
    async findFailure(account) {
      const end = await endOf(account);
      return end > now() ? undefined : describeEnd(account.id, end);
    },
  };
}

/** When an account's setup token ends, epoch ms; undefined: it is not known yet, because the token was never used. */
export function setupTokenEnd(account: SetupTokenAccount, row: TokenRow | undefined): number | undefined {
  return account.secretExpiresAt ?? readEnd(row, account.secret);
}

function readEnd(row: TokenRow | undefined, secret: string): number | undefined {
  return row?.configuredHash === hashToken(secret) ? row.expiresAt : undefined;
}

/** The row says when, and of which token by its hash; the token itself is in the configuration alone. */
function firstUse(
  { id, secret }: SetupTokenAccount,
  { generation, now }: { generation: number; now: number },
): TokenRow {
  return {
    accountId: id,
    configuredHash: hashToken(secret),
    refreshToken: "",
    accessToken: undefined,
    expiresAt: now + lifetimeMs,
    extras: undefined,
    generation,
    updatedAt: now,
    exchangeHash: undefined,
    exchangeAt: undefined,
  };
}

function describeEnd(accountId: string, end: number): LoginFailure {
  const day = new Date(end).toISOString().slice(0, 10);
  return {
    ok: false,
    reason: "setup-token-ended",
    fact: `the setup token of account ${accountId} ended on ${day}`,
    fix: replaceSetupToken(accountId),
  };
}

/** The way to a new setup token. */
export function replaceSetupToken(accountId: string): Fix {
  return {
    instruction: "make a new one with `claude setup-token`, and give it here with:",
    command: `cc-relay login claude --setup-token --id ${accountId}`,
  };
}
