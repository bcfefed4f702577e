// What logins need of the store. The store's own token table satisfies it.

export interface TokenRow {
  accountId: string;
  /** SHA-256 hex of the configured refresh token this chain began with: another one in the file means that a person changed it. */
  configuredHash: string;
  refreshToken: string;
  accessToken: string | undefined;
  /** When the access token ends, epoch ms. */
  expiresAt: number | undefined;
  /** Google Cloud project found for a Code Assist login. */
  project: string | undefined;
  /** Counts rotations. */
  generation: number;
  /** When the pair was received, epoch ms. */
  updatedAt: number;
  /** Hash of the refresh token an exchange was begun with, and when; cleared by its outcome. */
  exchangeHash: string | undefined;
  exchangeAt: number | undefined;
}

export interface TokenStore {
  load(accountId: string): Promise<TokenRow | undefined>;
  /** Durable before it resolves; replaces only while the generation is the expected one (undefined: no row), says whether it did. */
  replace(row: TokenRow, expectedGeneration: number | undefined): Promise<boolean>;
  /** Runs `work` while no other process holds the account's lock. */
  withLock<T>(accountId: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}
