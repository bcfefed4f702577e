// Lists of models, one per account: kept for a minute, asked for once however many clients ask, and waited for no longer than
// the clients wait.

import type { RenderedError } from "../dialects/dialect.ts";
import { systemTimers, type Timer, type Timers } from "../time/timers.ts";

export interface ModelLists {
  /** The list under the key; the last one known when it does not come in time. Never rejects. */
  get(key: string, asking: Asking): Promise<ListResult>;
  clear(): void;
}

/** Neither: there is no list to be had. */
export interface Fetched {
  list?: Buffer | undefined;
  /** The provider's answer to the client's own login, which only the client can refresh. */
  refusal?: RenderedError;
}

export interface Asking {
  /** Asks the account. Aborted when nobody wants the list any more, or it takes too long. */
  fetch(signal: AbortSignal): Promise<Fetched>;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  /** Epoch ms. */
  now: number;
}

export interface ListResult {
  list: Buffer | undefined;
  /** Whether the account has not answered in time. */
  isLate: boolean;
  refusal?: RenderedError;
}

export interface ModelListOptions {
  freshMs?: number;
  /** How long a client waits for an account. */
  waitTimeoutMs?: number;
  /** How long an account may take for a list that later clients get. */
  fetchTimeoutMs?: number;
  /** How long nobody waits for an account that was late. */
  lateMs?: number;
  /** The system's when absent. */
  timers?: Timers;
}

interface Entry {
  list: Buffer | undefined;
  /** Epoch ms of the list. */
  at: number;
  running: Running | undefined;
  /** Epoch ms until which nobody waits. */
  lateUntil: number;
}

interface Running {
  done: Promise<Fetched>;
  abort: AbortController;
  waiting: number;
}

/** A client's own login has a list of its own; they come and go. */
const maxEntries = 200;
/** Of all lists: usual ones are some kilobytes. */
const maxCachedBytes = 16 * 1024 * 1024;

export function createModelLists({
  freshMs = 60_000,
  waitTimeoutMs = 2000,
  fetchTimeoutMs = 10_000,
  lateMs = 60_000,
  timers = systemTimers,
}: ModelListOptions = {}): ModelLists {
  const entries = new Map<string, Entry>();

  function entryOf(key: string): Entry {
    const entry = entries.get(key) ?? { list: undefined, at: 0, running: undefined, lateUntil: 0 };
    entries.delete(key);
    entries.set(key, entry);
    if (entries.size > maxEntries) entries.delete(entries.keys().next().value!);
    return entry;
  }

  /** The oldest lists go. */
  function trim(): void {
    let bytes = 0;
    for (const entry of [...entries.values()].reverse()) {
      bytes += entry.list?.length ?? 0;
      if (bytes > maxCachedBytes) entry.list = undefined;
    }
  }

  function start(entry: Entry, { fetch, now }: Asking): Running {
    const abort = new AbortController();
    const limit = timers.after(fetchTimeoutMs, () => abort.abort()).unref();
    const done = fetch(abort.signal)
      .catch((): Fetched => ({}))
      .then((fetched) => {
        limit.stop();
        entry.running = undefined;
        if (fetched.list === undefined) return fetched;
        entry.list = fetched.list;
        entry.at = now;
        entry.lateUntil = 0;
        trim();
        return fetched;
      });
    return { done, abort, waiting: 0 };
  }

  return {
    async get(key, asking) {
      const entry = entryOf(key);
      const { signal, now } = asking;
      const isFresh = entry.list !== undefined && now - entry.at < freshMs && entry.at <= now;
      if (isFresh) return { list: entry.list, isLate: false };
      entry.running ??= start(entry, asking);
      if (entry.lateUntil > now && entry.lateUntil <= now + lateMs) return { list: entry.list, isLate: true };
      const outcome = await waitFor(entry.running, signal, (late) => timers.after(waitTimeoutMs, late));
      if (outcome === "late") entry.lateUntil = now + lateMs;
      const isLate = outcome === "late";
      if (typeof outcome === "string") return { list: entry.list, isLate };
      if (outcome.refusal !== undefined) return { list: undefined, isLate, refusal: outcome.refusal };
      // There may have been no room to keep it.
      return { list: outcome.list ?? entry.list, isLate };
    },
    clear: () => entries.clear(),
  };
}

/** A fetch that every client has left is aborted; one that is only late goes on for those who come later. */
async function waitFor(
  running: Running,
  signal: AbortSignal,
  limit: (late: () => void) => Timer,
): Promise<Fetched | "late" | "left"> {
  const { promise, resolve } = Promise.withResolvers<Fetched | "late" | "left">();
  const leave = () => resolve("left");
  const timer = limit(() => resolve("late"));
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  running.waiting++;
  running.done.then(resolve, leave);
  const outcome = await promise;
  running.waiting--;
  timer.stop();
  signal.removeEventListener("abort", leave);
  if (outcome === "left" && running.waiting === 0) running.abort.abort();
  return outcome;
}
