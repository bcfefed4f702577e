// Which process is the one daemon of a database, and what it says about itself.

import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Connection, followLinks } from "./connection.ts";
import { type FileLock, isLocked, tryLock } from "./lock-file.ts";
import { openRuntimeFolder, runtimeName } from "./runtime-folder.ts";
import type { DaemonInfo, DaemonStore } from "./store.ts";

/** The right to be the daemon of one database, held as operating-system locks. */
export interface DaemonClaim {
  /** Whether this process has it now. Locks that cannot be made at all (a full disk) are not missed. */
  take(): Promise<boolean>;
  isTaken(): boolean;
  /** Whether this process or another one has it. */
  isTakenByAnybody(): boolean;
  /** Takes a lock again whose file was removed or replaced. */
  keep(): void;
  release(): void;
}

/**
 * One lock is beside the database. With a runtime folder a second one is there, under a name made of the database's path: it
 * holds when the database's folder is removed under a running daemon.
 */
export function createDaemonClaim(path: string, runtimeFolder?: string): DaemonClaim {
  const file = followLinks(path);
  const mainLock = `${file}.lock`;
  const places = [mainLock, ...runtimeLock(file, runtimeFolder)];
  const held = new Map<string, { lock: FileLock; identity: string | undefined }>();
  let isTaken = false;

  async function takeOne(place: string): Promise<boolean> {
    try {
      const lock = await tryForAMoment(place);
      if (lock !== undefined) held.set(place, { lock, identity: identify(place) });
      return lock !== undefined;
    } catch {
      // Whatever keeps a lock from being made keeps it from others too.
      return true;
    }
  }

  function release(): void {
    for (const { lock } of held.values()) lock.release();
    held.clear();
    isTaken = false;
  }

  return {
    async take() {
      if (isTaken) return true;
      for (const place of places) {
        if (await takeOne(place)) continue;
        release();
        return false;
      }
      isTaken = true;
      return true;
    },
    isTaken: () => isTaken,
    isTakenByAnybody: () => isTaken || isLocked(mainLock),
    keep() {
      if (!isTaken) return;
      for (const place of places) {
        const known = held.get(place);
        if (known !== undefined && known.identity === identify(place)) continue;
        known?.lock.release();
        held.delete(place);
        try {
          const lock = tryLock(place);
          if (lock !== undefined) held.set(place, { lock, identity: identify(place) });
        } catch {
          // Tried again at the next look.
        }
      }
    },
    release,
  };
}

export function createDaemonStore({ database, run }: Connection, claim: DaemonClaim): DaemonStore {
  const read = database.prepare<[], DaemonInfo>(
    "SELECT pid, host, port, started_at AS startedAt, version FROM daemon WHERE id = 1",
  );
  const save = database.prepare<DaemonInfo>(`
    INSERT INTO daemon (id, pid, host, port, started_at, version) VALUES (1, @pid, @host, @port, @startedAt, @version)
    ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, host = excluded.host, port = excluded.port,
      started_at = excluded.started_at, version = excluded.version`);
  const clear = database.prepare("DELETE FROM daemon");

  return {
    async claim() {
      if (!(await claim.take())) return { ok: false, holder: await run(() => read.get()) };
      try {
        // What the previous daemon published must not be taken for this one's.
        await run(() => void clear.run());
      } catch (error) {
        claim.release();
        throw error;
      }
      return { ok: true };
    },
    publish: (info) => run(() => void save.run(info)),
    async release() {
      if (!claim.isTaken()) return;
      try {
        await run(() => void clear.run());
      } catch {
        // What stays is taken for a death: misleading, and no reason to keep the claim.
      } finally {
        claim.release();
      }
    },
    async look() {
      return { info: await run(() => read.get()), running: claim.isTakenByAnybody() };
    },
  };
}

/** Somebody who only looks holds the lock for an instant too: one failure is no other daemon. */
async function tryForAMoment(path: string): Promise<FileLock | undefined> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const lock = tryLock(path);
    if (lock !== undefined) return lock;
    await sleep(25);
  }
  return undefined;
}

/** Nothing where the folder is not this user's own: somebody else could hold every lock in it. */
function runtimeLock(path: string, folder: string | undefined): string[] {
  const own = folder === undefined ? undefined : openRuntimeFolder(folder);
  return own === undefined ? [] : [join(own, `${runtimeName(path)}.lock`)];
}

function identify(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}
