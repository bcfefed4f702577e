// The memory budget that all bodies of the process share, requests' and answers', while they are received, held back, decoded
// or converted.

import { systemTimers } from "../time/timers.ts";
import { type Ledger, MemoryExhausted, type MemoryShare, Share, type Wanted } from "./memory-share.ts";

export interface MemoryBudget {
  readonly usedBytes: number;
  /** The most that was used since the last call. */
  takePeak(): number;
  /** A share for one request, of no bytes yet. */
  open(signal: AbortSignal): MemoryShare;
  /** A share that takes more and more until it is done, as an answer does whose length nobody knows. */
  openGrowing(signal: AbortSignal): MemoryShare;
}

export interface MemoryLimits {
  /** For all requests together. */
  maxBytes: number;
  /** How long a request waits for its turn. */
  maxWaitMs: number;
}

/** Of growing shares, one at a time goes on into the last quarter: all with a part of what they need, they would wait for one another. */
const commonPart = 0.75;

/** @param limits asked each time, so that a reload counts. */
export function createMemoryBudget(limits: () => MemoryLimits, timers = systemTimers): MemoryBudget {
  const waiting: Waiter[] = [];
  let usedBytes = 0;
  let peakBytes = 0;
  /** The growing share that goes on into the last quarter, until it has given everything back. */
  let last: MemoryShare | undefined;
  let turn: MemoryShare | undefined;

  function findRoom({ share, bytes, isGrowing, forTurn = false }: Wanted): boolean {
    if (forTurn) return turn === undefined;
    const { maxBytes } = limits();
    const needed = usedBytes + bytes;
    if (needed > maxBytes) return false;
    if (!isGrowing || needed <= maxBytes * commonPart) return true;
    last ??= share;
    return last === share;
  }

  function letEnter(): void {
    if (waiting.length === 0) return;
    // Not strictly in turn: a small request does not wait behind a large one that has no room yet.
    for (const waiter of [...waiting]) {
      if (!findRoom(waiter)) continue;
      waiting.splice(waiting.indexOf(waiter), 1);
      waiter.enter();
    }
  }

  function wait(wanted: Wanted, signal: AbortSignal, enter: () => void): Promise<void> {
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
        ...wanted,
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

  const ledger: Ledger = {
    get maxBytes() {
      return limits().maxBytes;
    },
    get usedBytes() {
      return usedBytes;
    },
    findRoom,
    wait,
    took(bytes) {
      usedBytes += bytes;
      peakBytes = Math.max(peakBytes, usedBytes);
    },
    gave(bytes) {
      usedBytes -= bytes;
      letEnter();
    },
    emptied(share) {
      if (last === share) last = undefined;
    },
    tookTurn(share) {
      turn = share;
    },
    endedTurn(share) {
      if (turn !== share) return;
      turn = undefined;
      letEnter();
    },
  };

  return {
    get usedBytes() {
      return usedBytes;
    },
    takePeak() {
      const peak = peakBytes;
      peakBytes = usedBytes;
      return peak;
    },
    open: (signal) => new Share(ledger, signal, false),
    openGrowing: (signal) => new Share(ledger, signal, true),
  };
}

interface Waiter extends Wanted {
  /** Takes the bytes and lets the request go on. */
  enter(): void;
}
