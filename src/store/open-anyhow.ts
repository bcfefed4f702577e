// Opens the database of a relay whatever has become of its file: a damaged one is set aside and what can be read of it carried
// over, and where the disk takes no writes the database is in memory.

import { statSync } from "node:fs";
import type { Log } from "../telemetry/log.ts";
import { type CarriedOver, carryOver } from "./carry-over.ts";
import { checkWritable, findDamageIn } from "./integrity.ts";
import { openSalvage, openUnwritable, setAside } from "./salvage.ts";
import { type OpenDatabase, openDatabase, openMemory } from "./sqlite.ts";
import { DamageError, isSomebodysText, storageFault } from "./sqlite-errors.ts";
import type { StorageState } from "./store.ts";

export type Opened = OpenDatabase & { state: StorageState };

export const onDisk: StorageState = { kind: "disk" };

export interface Opener {
  /** On the disk if that is possible. Throws a UserError for what no other file would fix. */
  openAnyhow(): Promise<Opened>;
  /** Sets the file aside, unless that was done a short time ago: then its disk is not to be trusted. */
  replaceDamaged(cause: unknown): Promise<Opened>;
  /** Begins with what the file holds, if it can be read. */
  openInMemory(cause: unknown): Promise<Opened>;
  /** Whether the file can be used now. */
  canBeOpened(): Promise<boolean>;
}

export interface OpenerOptions {
  database: Parameters<typeof openMemory>[1];
  monotonic(): number;
  log: Log;
}

/** Above this the file is not read as a whole at the start: damage is found when it is met. */
const maxCheckedBytes = 64 * 1024 * 1024;
/** A disk that damages its files again within this time is not written to any more. */
const minDamageIntervalMs = 60_000;

export function createOpener(path: string, { database, monotonic, log }: OpenerOptions): Opener {
  let damagedAt = Number.NEGATIVE_INFINITY;

  async function openAnyhow(): Promise<Opened> {
    try {
      return { ...(await openSound()), state: onDisk };
    } catch (error) {
      const fault = storageFault(error, path);
      if (fault === "damaged" && !isSomebodysText(path)) return await replaceDamaged(error);
      if (fault === "unwritable") return await openInMemory(error);
      throw error;
    }
  }

  async function openSound(): Promise<OpenDatabase> {
    const opened = await openDatabase(path, database);
    try {
      await checkWritable(opened.connection);
      const damage = sizeOf(path) <= maxCheckedBytes ? await findDamageIn(opened.connection) : undefined;
      if (damage !== undefined) throw new DamageError(damage);
      return opened;
    } catch (error) {
      await opened.detach();
      throw error;
    }
  }

  async function replaceDamaged(cause: unknown): Promise<Opened> {
    if (monotonic() - damagedAt < minDamageIntervalMs) return await openInMemory(cause);
    damagedAt = monotonic();
    let aside: string;
    try {
      aside = setAside(path, database.clock());
    } catch (error) {
      return await openInMemory(error);
    }
    const opened = await openDatabase(path, database);
    const carried = await carryOverFrom(aside, opened);
    await opened.store.recoveries.save({ time: database.clock(), path: aside, ...carried });
    log.error(
      { err: String(cause), aside, carriedOver: carried.rows, notReadable: carried.damaged },
      "the database is damaged: it was set aside, and what can be read of it is in a new one",
    );
    return { ...opened, state: { kind: "disk", madeAnew: { at: database.clock(), why: "damaged", aside } } };
  }

  async function carryOverFrom(aside: string, opened: OpenDatabase): Promise<CarriedOver> {
    const memory = await openMemory(path, database);
    const salvage = openSalvage(aside, memory.connection.database.serialize());
    await memory.detach();
    if (salvage === undefined) return { rows: {}, damaged: ["everything"] };
    try {
      return carryOver({ from: salvage.database, to: opened.connection.database, usage: "all" });
    } finally {
      salvage.close();
    }
  }

  async function openInMemory(cause: unknown): Promise<Opened> {
    const memory = await openMemory(path, database);
    const salvage = sizeOf(path) > 0 ? openUnwritable(path) : undefined;
    if (salvage !== undefined) {
      carryOver({ from: salvage.database, to: memory.connection.database, usage: "none" });
      salvage.close();
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    return { ...memory, state: { kind: "memory", reason } };
  }

  async function canBeOpened(): Promise<boolean> {
    if (monotonic() - damagedAt < minDamageIntervalMs) return false;
    try {
      await (await openSound()).detach();
      return true;
    } catch {
      return false;
    }
  }

  return { openAnyhow, replaceDamaged, openInMemory, canBeOpened };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
