// Notices when another connection has changed what is learned of accounts, and of which.

import type { Connection } from "./connection.ts";
import type { AccountChange } from "./store.ts";

export interface ChangeWatch {
  /** Returns what ends the subscription. */
  subscribe(callback: (change: AccountChange) => void): () => void;
  /**
   * This connection is about to change an account itself. What others do to the same account after that can leave it as it was
   * when it was looked at last.
   */
  touch(accountId: string): void;
  stop(): void;
}

const pollMs = 250;

export function createChangeWatch({ database }: Connection): ChangeWatch {
  // SQLite's own counter: it changes with every commit of others and never with our own.
  const version = database.prepare<[], number>("PRAGMA data_version").pluck();
  const rows = database.prepare<[], { id: string; text: string }>(`
    SELECT account_id AS id, json_array(windows, last_used_at, truncated_at, secret_hash, forgotten_at) AS text FROM account_states
    UNION ALL SELECT account_id, json_array(scope, since, until, kind, reason, settings, probed_at) FROM cooldowns
    ORDER BY id, text`);
  const callbacks = new Set<(change: AccountChange) => void>();
  /** What was learned of each account when it was looked at last. */
  let known = new Map<string, string>();
  /** Accounts that this connection has changed since then. */
  const touched = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let seen: number | undefined;

  function poll(): void {
    const now = readVersion();
    if (now === undefined || now === seen) return;
    seen = now;
    const accounts = findChanged(quietly(readLearned));
    if (accounts?.size === 0) return;
    for (const callback of [...callbacks]) callback({ accounts });
  }

  /** Undefined when the tables cannot be read: the next reader finds out why. */
  function findChanged(learned: Map<string, string> | undefined): Set<string> | undefined {
    if (learned === undefined) return undefined;
    const ids = [...known.keys(), ...learned.keys()];
    const accounts = new Set([...ids.filter((id) => known.get(id) !== learned.get(id)), ...touched]);
    known = learned;
    touched.clear();
    return accounts;
  }

  function readVersion(): number | undefined {
    return quietly(() => version.get());
  }

  function readLearned(): Map<string, string> {
    const learned = new Map<string, string>();
    for (const { id, text } of rows.all()) learned.set(id, (learned.get(id) ?? "") + text);
    return learned;
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
    callbacks.clear();
  }

  return {
    subscribe(callback) {
      if (timer === undefined) {
        seen = readVersion();
        known = quietly(readLearned) ?? new Map();
        timer = setInterval(poll, pollMs);
        timer.unref();
      }
      // The same function twice is two subscriptions.
      const own = (change: AccountChange) => callback(change);
      callbacks.add(own);
      return () => {
        callbacks.delete(own);
        if (callbacks.size === 0) stop();
      };
    },
    touch: (accountId) => void touched.add(accountId),
    stop,
  };
}

/** Undefined when the file is locked or unreadable just now; the next work on it reports that. */
function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
