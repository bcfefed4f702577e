// Rotated tokens in SQLite, and the lock under which they are rotated.

import { createHash } from "node:crypto";
import type { LoginExtras, TokenRow, TokenStore } from "../domain/token-store.ts";
import { isObject, parseJson } from "../json/json-values.ts";
import { unlessAborted } from "../time/abort.ts";
import type { Connection } from "./connection.ts";
import { waitForLock } from "./lock-file.ts";

export function createTokenStore({ path, database, run, isMemory }: Connection): TokenStore {
  const load = database.prepare<[string], TokenRecord>(`
    SELECT account_id AS accountId, configured_hash AS configuredHash, refresh_token AS refreshToken,
      access_token AS accessToken, expires_at AS expiresAt, extras, generation, updated_at AS updatedAt,
      exchange_hash AS exchangeHash, exchange_at AS exchangeAt
    FROM tokens WHERE account_id = ?`);
  const insert = database.prepare(`
    INSERT INTO tokens (account_id, configured_hash, refresh_token, access_token, expires_at, extras, generation,
      updated_at, exchange_hash, exchange_at)
    VALUES (@accountId, @configuredHash, @refreshToken, @accessToken, @expiresAt, @extras, @generation,
      @updatedAt, @exchangeHash, @exchangeAt)
    ON CONFLICT (account_id) DO NOTHING`);
  const update = database.prepare(`
    UPDATE tokens SET configured_hash = @configuredHash, refresh_token = @refreshToken, access_token = @accessToken,
      expires_at = @expiresAt, extras = @extras, generation = @generation, updated_at = @updatedAt,
      exchange_hash = @exchangeHash, exchange_at = @exchangeAt
    WHERE account_id = @accountId AND generation = @expectedGeneration`);
  const findElsewhere = database
    .prepare<[hash: string, here: string], string>(
      "SELECT account_id FROM tokens WHERE configured_hash = ? AND account_id <> ?",
    )
    .pluck();
  const rename = database.prepare("UPDATE tokens SET account_id = ? WHERE account_id = ?");
  const exchangeIds = database.transaction((here: string, there: string) => {
    // No account has the empty id.
    rename.run("", here);
    rename.run(here, there);
    rename.run(there, "");
  });
  const queues = new Map<string, Promise<void>>();

  /** A rotated refresh token exists nowhere else: this one commit waits for the disk. */
  function durably<T>(work: () => T): T {
    database.pragma("synchronous = FULL");
    try {
      return work();
    } finally {
      database.pragma("synchronous = NORMAL");
    }
  }

  /** Callers of this process in the order they came; returns what ends the caller's turn. */
  async function takeTurn(accountId: string, signal: AbortSignal | undefined): Promise<() => void> {
    const before = queues.get(accountId);
    const { promise: done, resolve: end } = Promise.withResolvers<void>();
    const turn = before === undefined ? done : before.then(() => done);
    queues.set(accountId, turn);
    void turn.then(() => {
      if (queues.get(accountId) === turn) queues.delete(accountId);
    });
    if (before === undefined || (await unlessAborted(before, signal))) return end;
    end();
    throw signal!.reason;
  }

  function loadRow(accountId: string): Promise<TokenRow | undefined> {
    return run(() => {
      const row = load.get(accountId);
      return row === undefined ? undefined : toTokenRow(row);
    });
  }

  async function withLock<T>(accountId: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const endTurn = await takeTurn(accountId, signal);
    try {
      // What is in memory only concerns no other process, and its disk may take no lock file.
      const lock = isMemory ? undefined : await waitForLock(lockPath(path, accountId), signal);
      try {
        return await work();
      } finally {
        lock?.release();
      }
    } finally {
      endTurn();
    }
  }

  return {
    isVolatile: () => isMemory,
    load: loadRow,
    replace: (row, expectedGeneration) =>
      run(() => {
        const values = toRecord(row);
        const result = durably(() =>
          expectedGeneration === undefined
            ? insert.run(values)
            : update.run({ ...values, expectedGeneration }),
        );
        return result.changes === 1;
      }),
    async takeOver(accountId, configuredHash) {
      const find = () => run(() => findElsewhere.get(configuredHash, accountId));
      const other = await find();
      if (other === undefined) return undefined;
      const exchange = async () => {
        if ((await find()) !== other) return undefined;
        await run(() => exchangeIds.immediate(accountId, other));
        return loadRow(accountId);
      };
      const limit = AbortSignal.timeout(refreshTimeoutMs);
      // Always in one order: two accounts that changed places look for each other's rows.
      const [first, second] = [accountId, other].sort() as [string, string];
      return withLock(first, () => withLock(second, exchange, limit), limit);
    },
    withLock,
  };
}

/** A process that holds a lock for longer has a pair that no disk takes. */
const refreshTimeoutMs = 75_000;

/** Account ids are free text, file names are not. */
function lockPath(path: string, accountId: string): string {
  return `${path}.lock-${createHash("sha256").update(accountId).digest("hex").slice(0, 16)}`;
}

type Nullable<T> = { [K in keyof T]: undefined extends T[K] ? Exclude<T[K], undefined> | null : T[K] };

/** The extras as JSON. */
type TokenRecord = Nullable<Omit<TokenRow, "extras">> & { extras: string | null };

function toRecord(row: TokenRow): TokenRecord {
  return {
    ...row,
    accessToken: row.accessToken ?? null,
    expiresAt: row.expiresAt ?? null,
    extras: row.extras === undefined ? null : JSON.stringify(row.extras),
    exchangeHash: row.exchangeHash ?? null,
    exchangeAt: row.exchangeAt ?? null,
  };
}

function toTokenRow(row: TokenRecord): TokenRow {
  return {
    ...row,
    accessToken: row.accessToken ?? undefined,
    expiresAt: row.expiresAt ?? undefined,
    extras: readExtras(row.extras),
    exchangeHash: row.exchangeHash ?? undefined,
    exchangeAt: row.exchangeAt ?? undefined,
  };
}

/** They are found again where they cannot be read. */
function readExtras(text: string | null): LoginExtras | undefined {
  const value = text === null ? undefined : parseJson(text);
  if (!isObject(value)) return undefined;
  const texts = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return texts.length === 0 ? undefined : Object.fromEntries(texts);
}
