// The store of a running relay: one that outlives its file. A damaged database is set aside and what can be read of it carried
// over; one that is removed or replaced is made anew; while the disk takes no writes everything is kept in memory.
//
//     open on disk ── damaged ──▶ set aside, new file, carried over ──▶ on disk
//          │
//          └─ no writes ──▶ in memory, begun with what the file holds ── disk takes writes ──▶ on disk
//     on disk ── file gone, another file, damage met ──▶ carried over to memory, then to a new file

import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../telemetry/log.ts";
import { systemClock } from "../time/clock.ts";
import { carryOver } from "./carry-over.ts";
import { createDaemonClaim } from "./daemon.ts";
import { createFileWatch, type FileChange } from "./file-watch.ts";
import { createOpener, onDisk } from "./open-anyhow.ts";
import { openDatabase, openMemory } from "./sqlite.ts";
import { DamageError, storageFault } from "./sqlite-errors.ts";
import type { AccountChange, DaemonInfo, StorageState, Store } from "./store.ts";
import { learnedThrough } from "./switching.ts";

export interface ServingStoreOptions {
  log: Log;
  /** Epoch ms. */
  clock?: () => number;
  /** The system's unless given. */
  monotonic?: () => number;
  busyTimeoutMs?: number;
  /** Between two looks at the file. */
  checkIntervalMs?: number;
  /** Between two tries to leave the memory for the disk. */
  retryIntervalMs?: number;
  /** Where the second lock of the daemon is: it holds when the folder of the database goes. */
  runtimeFolder?: string;
}

/** How long a move waits for work on the old file. */
const maxUnderWayMs = 1000;

/** Throws a UserError for what no other file would fix: another program's database, one of a newer version, a folder. */
export async function openServingStore(path: string, options: ServingStoreOptions): Promise<Store> {
  const { log, clock = Date.now, checkIntervalMs = 500, retryIntervalMs = 5000 } = options;
  const { monotonic = systemClock.monotonic } = options;
  const claim = createDaemonClaim(path, options.runtimeFolder);
  const database = { clock, busyTimeoutMs: options.busyTimeoutMs ?? 5000, claim };
  const opener = createOpener(path, { database, monotonic, log });
  // Before anything is looked at: what another relay works on is never set aside.
  let isOurs = await claim.take();
  let published: DaemonInfo | undefined;
  let isDamaged = false;
  let switching: Promise<void> | undefined;
  let isClosed = false;
  let underWay = 0;
  let onceIdle: (() => void) | undefined;
  const changes = new Set<(change: AccountChange) => void>();
  const storageChanges = new Set<(state: StorageState) => void>();

  let current = isOurs
    ? await opener.openAnyhow()
    : { ...(await openDatabase(path, database)), state: onDisk };
  let file = isOurs && current.state.kind === "disk" ? createFileWatch(current.connection) : undefined;
  let lastSeq = await current.store.requests.newest();
  current.store.onForeignChange(notifyChange);
  if (current.state.kind === "memory") sayMemory(current.state.reason);

  function sayMemory(reason: string): void {
    log.error(
      { reason, database: path },
      "the database cannot be written: everything is kept in memory and lost with this process, and no login is refreshed",
    );
  }

  /** Moves to a file that is at the path now, or to a new one. What this process knows comes along, whatever is there. */
  async function moveOn(
    why: "removed" | "replaced" | "damaged" | "writable again",
    change?: FileChange,
  ): Promise<void> {
    const before = current;
    // What is being written to the old file must not miss the carrying over.
    if (underWay > 0)
      await Promise.race([new Promise<void>((resolve) => (onceIdle = resolve)), sleep(maxUnderWayMs)]);
    const buffer = await openMemory(path, database);
    const usage = before.state.kind === "memory" ? "all" : ({ after: lastSeq } as const);
    const cannotRead = (error: unknown) =>
      log.error({ err: String(error) }, "the database could not be read");
    try {
      carryOver({ from: before.connection.database, to: buffer.connection.database, usage });
    } catch (error) {
      cannotRead(error);
    }
    try {
      if (change !== undefined) file?.part(change);
    } catch (error) {
      cannotRead(error);
    }
    await before.detach().catch(cannotRead);
    file?.close();
    file = undefined;
    const next =
      why === "damaged"
        ? await opener.replaceDamaged(new DamageError("it was met while the relay runs"))
        : await opener.openAnyhow().catch(opener.openInMemory); // Another program's database is left alone.
    carryOver({ from: buffer.connection.database, to: next.connection.database, usage: "all" });
    await buffer.detach();
    // What is at the path may be damaged besides.
    if ((why === "removed" || why === "replaced") && next.state === onDisk) {
      next.state = { kind: "disk", madeAnew: { at: clock(), why } };
    }
    current = next;
    isDamaged = false;
    file = next.state.kind === "disk" ? createFileWatch(next.connection) : undefined;
    lastSeq = await next.store.requests.newest();
    next.store.onForeignChange(notifyChange);
    claim.keep();
    if (published !== undefined) await next.store.daemon.publish(published).catch(cannotRead);
    say(why, before.state, next.state);
    notifyChange({ accounts: undefined });
  }

  function say(why: string, before: StorageState, after: StorageState): void {
    if (after.kind === "disk" && why !== "damaged") {
      log[before.kind === "memory" ? "info" : "error"](
        { database: path },
        before.kind === "memory"
          ? "the database takes writes again: what was kept in memory is written"
          : `the database was ${why} while the relay runs: it was made anew, and tokens, states and sessions were written again`,
      );
    }
    if (after.kind === "memory" && before.kind === "disk") sayMemory(after.reason);
    const isNews = after.kind !== before.kind || (after.kind === "disk" && after.madeAnew !== undefined);
    if (isNews) for (const callback of [...storageChanges]) callback(after);
  }

  function notifyChange(change: AccountChange): void {
    for (const callback of [...changes]) callback(change);
  }

  async function look(): Promise<void> {
    if (current.state.kind === "memory") {
      if (await opener.canBeOpened()) await moveOn("writable again");
      return;
    }
    if (isDamaged) return await moveOn("damaged");
    const change = file?.look(lastSeq);
    if (change !== undefined) return await moveOn(change === "overwritten" ? "replaced" : change, change);
    lastSeq = await current.store.requests.newest();
    claim.keep();
  }

  /** One at a time; whatever else uses the store waits for a move. */
  function check(): Promise<void> {
    switching ??= look()
      .catch((error: unknown) => log.error({ err: String(error) }, "the database could not be looked after"))
      .finally(() => (switching = undefined));
    return switching;
  }

  let timer: NodeJS.Timeout | undefined;
  function checkLater(): void {
    const waitMs = current.state.kind === "memory" ? retryIntervalMs : checkIntervalMs;
    timer = setTimeout(() => void check().then(() => isClosed || checkLater()), waitMs);
    timer.unref();
  }
  if (isOurs) checkLater();

  async function counted<T>(work: Promise<T>): Promise<T> {
    underWay++;
    try {
      return await work;
    } finally {
      underWay--;
      if (underWay === 0) onceIdle?.();
    }
  }

  /** Damage that work meets is repaired before it is tried once more. */
  async function use<T>(work: (store: Store) => Promise<T>): Promise<T> {
    while (switching !== undefined) await switching;
    const used = current;
    try {
      return await counted(work(used.store));
    } catch (error) {
      if (!isOurs || storageFault(error, path) !== "damaged") throw error;
      if (used === current) {
        isDamaged = true;
        await switching;
        await check();
      }
      if (used === current) throw error;
      return await work(current.store);
    }
  }

  return {
    storage: () => current.state,
    onStorageChange(callback) {
      storageChanges.add(callback);
      return () => void storageChanges.delete(callback);
    },
    ...learnedThrough(use),
    tokens: {
      isVolatile: () => current.state.kind === "memory",
      load: (id) => use((store) => store.tokens.load(id)),
      replace: (row, expected) => use((store) => store.tokens.replace(row, expected)),
      takeOver: (id, hash) => use((store) => store.tokens.takeOver(id, hash)),
      // Not `use`: the work has effects outside of the database and is never done twice.
      withLock: (id, work, signal) => current.store.tokens.withLock(id, work, signal),
    },
    usage: {
      prepare: () => current.store.usage.prepare(),
      record: (row) => use((store) => store.usage.record(row)),
      summarize: (query) => use((store) => store.usage.summarize(query)),
      activity: (since) => use((store) => store.usage.activity(since)),
      maintain: (now, retentionMs) => use((store) => store.usage.maintain(now, retentionMs)),
    },
    daemon: {
      async claim() {
        const claimed = await use((store) => store.daemon.claim());
        if (claimed.ok && !isOurs) {
          isOurs = true;
          file = createFileWatch(current.connection);
          checkLater();
        }
        return claimed;
      },
      async publish(info) {
        published = info;
        await use((store) => store.daemon.publish(info));
      },
      async release() {
        published = undefined;
        await current.store.daemon.release();
      },
      look: () => use((store) => store.daemon.look()),
    },
    onForeignChange(callback) {
      const own = (change: AccountChange) => callback(change);
      changes.add(own);
      return () => void changes.delete(own);
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await switching;
      await current.store.daemon.release();
      await current.detach();
      file?.close();
      // Closed again, the descriptor could be another file's.
      file = undefined;
    },
  };
}
