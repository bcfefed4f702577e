// The interface through which the OAuth layer keeps tokens in the store.

/** What a provider adds to a login, by names of its own: Google's `project`. */
export type LoginExtras = Readonly<Record<string, string>>;

export interface TokenRow {
  accountId: string;
  /** SHA-256 hex of the configured refresh token this chain began with: another one in the file means that a person changed it. */
  configuredHash: string;
  refreshToken: string;
  accessToken: string | undefined;
  /** When the access token ends, epoch ms. */
  expiresAt: number | undefined;
  /** What was found of what the provider adds to the login; undefined: nothing. */
  extras: LoginExtras | undefined;
  /** Counts rotations. */
  generation: number;
  /** When the pair was received, epoch ms. */
  updatedAt: number;
  /** Hash of the refresh token an exchange was begun with and when; cleared by its outcome. Explains a crash in mid-exchange. */
  exchangeHash: string | undefined;
  exchangeAt: number | undefined;
}

export interface TokenStore {
  /** What is written is lost with this process: then nothing may be rotated, for the old token dies with the new one's birth. */
  isVolatile(): boolean;
  load(accountId: string): Promise<TokenRow | undefined>;
  /**
   * Durable (fsync) before it resolves. Replaces the row only while its generation is still `expectedGeneration`
   * (undefined: only when there is no row); returns whether it did.
   */
  replace(row: TokenRow, expectedGeneration: number | undefined): Promise<boolean>;
  /**
   * The row that began with a configured token under another id: its account was renamed. It goes to this id, and a row that
   * is here goes to that one, for the two may have changed places. Waits for refreshes that began under either id.
   */
  takeOver(accountId: string, configuredHash: string): Promise<TokenRow | undefined>;
  /**
   * Runs `work` while no other process holds the account's lock; a dead holder's lock is taken over.
   * Rejects with the signal's reason when aborted while waiting.
   */
  withLock<T>(accountId: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}
