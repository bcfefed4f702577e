// Notices when another connection has committed something to the database.

import type { Connection } from "./connection.ts";

export interface ChangeWatch {
  /** Returns what ends the subscription. */
  subscribe(callback: () => void): () => void;
  stop(): void;
}

const pollMs = 250;

export function createChangeWatch({ database }: Connection): ChangeWatch {
  // SQLite's own counter: it changes with every commit of others and never with our own.
  const version = database.prepare<[], number>("PRAGMA data_version").pluck();
  const callbacks = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;
  let seen: number | undefined;

  function poll(): void {
    const now = readVersion();
    if (now === undefined || now === seen) return;
    seen = now;
    for (const callback of [...callbacks]) callback();
  }

  /** Undefined when the file is locked or unreadable just now; the next work on it reports that. */
  function readVersion(): number | undefined {
    try {
      return version.get();
    } catch {
      return undefined;
    }
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
        timer = setInterval(poll, pollMs);
        timer.unref();
      }
      // The same function twice is two subscriptions.
      const own = () => callback();
      callbacks.add(own);
      return () => {
        callbacks.delete(own);
        if (callbacks.size === 0) stop();
      };
    },
    stop,
  };
}
