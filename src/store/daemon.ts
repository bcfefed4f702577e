// Which process is the one daemon of a database, and what it tells about itself.

import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "./connection.ts";
import { type FileLock, isLocked, tryLock } from "./lock-file.ts";
import type { DaemonInfo, DaemonStore } from "./store.ts";

export function createDaemonStore({ path, database, run }: Connection): DaemonStore {
  const lockPath = `${path}.lock`;
  const read = database.prepare<[], DaemonInfo>(
    "SELECT pid, host, port, started_at AS startedAt, version FROM daemon WHERE id = 1",
  );
  const save = database.prepare<DaemonInfo>(`
    INSERT INTO daemon (id, pid, host, port, started_at, version) VALUES (1, @pid, @host, @port, @startedAt, @version)
    ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, host = excluded.host, port = excluded.port,
      started_at = excluded.started_at, version = excluded.version`);
  const clear = database.prepare("DELETE FROM daemon");
  let lock: FileLock | undefined;

  async function release(): Promise<void> {
    if (lock === undefined) return;
    try {
      await run(() => void clear.run());
    } catch {
      // What stays is taken for a death: misleading, and no reason to keep the claim.
    } finally {
      lock.release();
      lock = undefined;
    }
  }

  return {
    async claim() {
      lock ??= await tryForAMoment(lockPath);
      if (lock === undefined) return { ok: false, holder: await run(() => read.get()) };
      try {
        // What the previous daemon published must not be taken for this one's.
        await run(() => void clear.run());
      } catch (error) {
        lock.release();
        lock = undefined;
        throw error;
      }
      return { ok: true };
    },
    publish: (info) => run(() => void save.run(info)),
    release,
    async look() {
      return { info: await run(() => read.get()), running: lock !== undefined || isLocked(lockPath) };
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
