// Follows the requests that a relay records: the last ones first, then each as it ends, also over a new database file.

import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import type { RequestFilter, RequestRecord } from "../../store/usage-store.ts";

export interface FollowOptions {
  /** Of the database. */
  path: string;
  filter: RequestFilter;
  /** How many of those that were there before. */
  limit: number;
  /** The oldest first; called once with what was there, then whenever there is something new. */
  onRecords(records: RequestRecord[]): void;
  /** There is no database yet. */
  onWaiting(): void;
  /** Nobody wants more. */
  isOver(): boolean;
  pollMs?: number;
}

/** Requests that are read at once. */
const maxBatch = 500;

export async function followRequests(options: FollowOptions): Promise<void> {
  const { path, onWaiting, isOver, pollMs = 300 } = options;
  const seen = createSeen();
  let { limit, filter } = options;
  let newestAt = Date.now();
  let isSaid = false;
  while (!isOver()) {
    const file = identityOf(path);
    if (file === undefined) {
      if (!isSaid) onWaiting();
      isSaid = true;
      await sleep(pollMs);
      continue;
    }
    const store = await openStore({ databasePath: path }, { for: "reading" });
    try {
      await followFile(store, {
        ...{ ...options, limit, filter, seen, pollMs },
        isSame: () => identityOf(path) === file,
        onRecords(records) {
          newestAt = Math.max(newestAt, ...records.map(({ time }) => time));
          options.onRecords(records);
        },
      });
    } finally {
      await store.close();
    }
    // Of a database that took the place of another one, only what is new.
    limit = maxBatch;
    filter = { ...filter, since: Math.max(filter.since ?? 0, newestAt) };
  }
}

interface FileOptions extends FollowOptions {
  seen: Seen;
  pollMs: number;
  isSame(): boolean;
}

async function followFile({ requests }: Store, options: FileOptions): Promise<void> {
  const { filter, limit, seen, onRecords, isOver, isSame, pollMs } = options;
  // Before the last ones are read: none may be missing between the two, and what is read twice is known by its id.
  let seq = await requests.newest();
  const last = (await requests.last({ ...filter, limit })).reverse();
  onRecords(last.filter(({ id }) => seen.isNew(id)));
  while (!isOver() && isSame()) {
    const next = await requests.after(seq, { ...filter, limit: maxBatch });
    seq = next.seq;
    const fresh = next.records.filter(({ id }) => seen.isNew(id));
    if (fresh.length > 0) onRecords(fresh);
    if (next.records.length < maxBatch) await sleep(pollMs);
  }
}

interface Seen {
  /** Also remembers it. */
  isNew(id: string): boolean;
}

/** A request is recorded again when more is learned of it, soon after the first time. */
function createSeen(): Seen {
  let recent = new Set<string>();
  let older = new Set<string>();
  return {
    isNew(id) {
      if (recent.has(id) || older.has(id)) return false;
      recent.add(id);
      if (recent.size >= 10_000) {
        older = recent;
        recent = new Set();
      }
      return true;
    },
  };
}

/** Undefined while there is none. */
function identityOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}
