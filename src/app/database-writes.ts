// Keeps a database that is slow or takes no writes (a full disk, another program's lock) from costing a request its answer or its time:
// a request waits a moment for its own writes, usage rows that are late are written as soon as that works, and what could not be
// written of accounts and conversations is lost only for the next start.

import type { AccountStore, BindingStore, Store } from "../store/store.ts";
import type { UsageRow, UsageStore } from "../store/usage-store.ts";
import type { Log } from "../telemetry/log.ts";
import { systemTimers } from "../time/timers.ts";

export interface WriteWait {
  /** True when the write has ended by then, however it ended; else it goes on by itself. Never rejects. */
  for(write: Promise<unknown>): Promise<boolean>;
}

/**
 * Bounds how long a request waits for its writes: the first one by a moment, the ones after it not at all while a write is overdue.
 * One for all writes of a relay: a request waits once, whatever it writes.
 */
export function createWriteWait(maxMs = 200, timers = systemTimers): WriteWait {
  const overdue = new Set<Promise<unknown>>();

  return {
    for: (write) =>
      new Promise((resolve) => {
        if (overdue.size > 0) {
          write.catch(ignore);
          return resolve(false);
        }
        const timer = timers.after(maxMs, () => {
          overdue.add(write);
          resolve(false);
        });
        const end = () => {
          timer.stop();
          overdue.delete(write);
          resolve(true);
        };
        write.then(end, end);
      }),
  };
}

function ignore(): void {}

/** The store's writes of what is learned of accounts and conversations; memory has it already. They are logged when they fail and never reject. */
export function forgiveWrites(
  { accounts, bindings }: Pick<Store, "accounts" | "bindings">,
  { wait, log }: { wait: WriteWait; log: Log },
): { accounts: AccountStore; bindings: BindingStore } {
  async function forgive(write: Promise<void>): Promise<void> {
    const written = write.catch((error: unknown) => {
      log.error({ err: String(error) }, "what was learned could not be written to the database");
    });
    await wait.for(written);
  }
  return {
    accounts: {
      ...accounts,
      saveState: (row) => forgive(accounts.saveState(row)),
      saveCooldown: (row) => forgive(accounts.saveCooldown(row)),
      forget: (id) => forgive(accounts.forget(id)),
      clearCooldowns: (id, scope) => forgive(accounts.clearCooldowns(id, scope)),
    },
    bindings: {
      ...bindings,
      save: (row) => forgive(bindings.save(row)),
      dropAccount: (id) => forgive(bindings.dropAccount(id)),
    },
  };
}

export interface LateUsage extends Pick<UsageStore, "record"> {
  /** Tries to write what is late; never rejects. */
  catchUp(): Promise<void>;
  /** Why rows wait in memory, as a sentence; undefined while none does, or only because the database is slow. */
  trouble(): string | undefined;
  /** Tries once more, and says how many rows are lost if that fails. */
  close(): Promise<void>;
}

export interface LateUsageOptions {
  usage: Pick<UsageStore, "record"> & Partial<Pick<UsageStore, "prepare">>;
  /** How long an answer waits for its row. */
  wait: WriteWait;
  /** Called when there is trouble, and when it is over. */
  onTrouble?(): void;
  log: Log;
}

/** Some 20 MB; above it the oldest are dropped. */
const maxLate = 50_000;
/** Rows that are written together share a commit. */
const rowsPerCommit = 500;

/** Usage rows that the database does not take now. No answer waits for them; only a kill in that time loses rows. */
export function createLateUsage({ usage, wait, onTrouble, log }: LateUsageOptions): LateUsage {
  /** By request, in the order of time: a row that is written again takes the place of the one before. */
  const late = new Map<string, UsageRow>();
  /** Rows that were dropped since the last time all was written. */
  let lost = 0;
  /** Rows that are being written while their answers have gone on. */
  const slow = new Set<Promise<void>>();
  let trouble: string | undefined;
  let isPrepared = usage.prepare === undefined;

  function setTrouble(reason: string | undefined): void {
    const isNews = (reason === undefined) !== (trouble === undefined);
    trouble = reason;
    if (isNews) onTrouble?.();
  }

  function keep(row: UsageRow): void {
    late.delete(row.requestId);
    late.set(row.requestId, row);
    if (late.size <= maxLate) return;
    late.delete(late.keys().next().value!);
    lost++;
  }

  async function write(row: UsageRow): Promise<void> {
    try {
      await usage.record(row);
    } catch (error) {
      keep(row);
      log.error(
        { err: String(error) },
        "usage could not be written to the database, and is kept to be written later",
      );
      setTrouble(error instanceof Error ? error.message : String(error));
    }
  }

  async function writeSome(): Promise<boolean> {
    const rows = [...late.values()].slice(0, rowsPerCommit);
    const results = await Promise.allSettled(rows.map((row) => usage.record(row)));
    for (const [index, row] of rows.entries()) {
      const isWritten = results[index]?.status === "fulfilled";
      if (isWritten && late.get(row.requestId) === row) late.delete(row.requestId);
    }
    return results.every(({ status }) => status === "fulfilled");
  }

  async function catchUp(): Promise<void> {
    if (late.size === 0 || slow.size > 0) return;
    const rows = late.size;
    while (late.size > 0) if (!(await writeSome())) return;
    log.info({ rows, lost }, "the database takes writes again, late usage is written");
    lost = 0;
    setTrouble(undefined);
  }

  return {
    async record(row) {
      // The first row's price table is read from the disk: on a slow machine that may take longer than an answer waits for its row.
      if (!isPrepared) await usage.prepare?.();
      isPrepared = true;
      // Behind those that wait, so that no older form of a row comes after a newer one.
      if (late.size > 0 || slow.size > 0) return keep(row);
      const writing = write(row);
      if (await wait.for(writing)) return;
      slow.add(writing);
      void writing.then(() => slow.delete(writing));
    },
    catchUp,
    trouble: () => trouble,
    async close() {
      await Promise.all(slow);
      await catchUp();
      if (late.size > 0) log.error({ rows: late.size + lost }, "usage is lost: the database takes no writes");
    },
  };
}
