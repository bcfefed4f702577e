// The memory budget that all request bodies of the process share while they are received, decoded or converted.

import { systemTimers } from "../time/timers.ts";

export interface MemoryBudget {
  readonly usedBytes: number;
  /** The most that was used since the last call. */
  takePeak(): number;
  /** A share for one request, of no bytes yet. */
  open(signal: AbortSignal): MemoryShare;
}

export interface MemoryShare {
  readonly bytes: number;
  /** What all requests together may take. */
  readonly maxBytes: number;
  /**
   * Takes so many bytes more. Undefined: they were there. Else the promise resolves once others have given back enough; it rejects with MemoryExhausted when that takes too long, and with the signal's reason.
   * Throws MemoryExhausted with `isTooLarge` for what would not fit even if nobody else had any.
   */
  grow(bytes: number): Promise<void> | undefined;
  shrink(bytes: number): void;
  /** Gives everything back. May be called again. */
  release(): void;
}

export class MemoryExhausted extends Error {
  override name = "MemoryExhausted";
  readonly isTooLarge: boolean;
  readonly maxBytes: number;

  constructor({ isTooLarge, maxBytes }: { isTooLarge: boolean; maxBytes: number }) {
    super("no memory is left for request bodies");
    this.isTooLarge = isTooLarge;
    this.maxBytes = maxBytes;
  }
}

export interface MemoryLimits {
  /** For all requests together. */
  maxBytes: number;
  /** How long a request waits for its turn. */
  maxWaitMs: number;
}

/** @param limits asked each time, so that a reload counts. */
export function createMemoryBudget(limits: () => MemoryLimits, timers = systemTimers): MemoryBudget {
  const waiting: Waiter[] = [];
  let usedBytes = 0;
  let peakBytes = 0;

  function hasRoom(bytes: number): boolean {
    return usedBytes + bytes <= limits().maxBytes;
  }

  function giveBack(bytes: number): void {
    usedBytes -= bytes;
    // Not strictly in turn: a small request does not wait behind a large one that has no room yet.
    for (const waiter of [...waiting]) {
      if (!hasRoom(waiter.bytes)) continue;
      waiting.splice(waiting.indexOf(waiter), 1);
      waiter.enter();
    }
  }

  function wait(bytes: number, signal: AbortSignal, enter: () => void): Promise<void> {
    const { maxBytes, maxWaitMs } = limits();
    return new Promise((resolve, reject) => {
      const leave = (reason: unknown) => {
        const at = waiting.indexOf(waiter);
        if (at >= 0) waiting.splice(at, 1);
        settle();
        reject(reason);
      };
      const onAbort = () => leave(signal.reason);
      const expire = () => leave(new MemoryExhausted({ isTooLarge: false, maxBytes }));
      const timer = timers.after(maxWaitMs, expire);
      const settle = () => {
        timer.stop();
        signal.removeEventListener("abort", onAbort);
      };
      const waiter: Waiter = {
        bytes,
        enter() {
          settle();
          enter();
          resolve();
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      waiting.push(waiter);
    });
  }

  return {
    get usedBytes() {
      return usedBytes;
    },
    takePeak() {
      const peak = peakBytes;
      peakBytes = usedBytes;
      return peak;
    },
    open(signal) {
      let own = 0;
      let isReleased = false;
      const take = (bytes: number) => {
        // Released while it waited: the waiting request is gone.
        if (isReleased) return;
        own += bytes;
        usedBytes += bytes;
        peakBytes = Math.max(peakBytes, usedBytes);
      };
      return {
        get bytes() {
          return own;
        },
        get maxBytes() {
          return limits().maxBytes;
        },
        grow(bytes) {
          signal.throwIfAborted();
          const { maxBytes } = limits();
          if (own + bytes > maxBytes) throw new MemoryExhausted({ isTooLarge: true, maxBytes });
          if (hasRoom(bytes)) return void take(bytes);
          return wait(bytes, signal, () => take(bytes));
        },
        shrink(bytes) {
          // After a release there is nothing left to give.
          const given = Math.min(bytes, own);
          own -= given;
          giveBack(given);
        },
        release() {
          isReleased = true;
          const bytes = own;
          own = 0;
          if (bytes > 0) giveBack(bytes);
        },
      };
    },
  };
}

interface Waiter {
  bytes: number;
  /** Takes the bytes and lets the request go on. */
  enter(): void;
}
