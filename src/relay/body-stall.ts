// Notices a body that comes too slowly, over HTTP or in a WebSocket's frames.

import type { Timer, Timers } from "../time/timers.ts";

export interface BodyStall {
  /** A body that is not at its end and brought less than `stallBytes` within this time ends with body_timeout. */
  stallMs: number;
  stallBytes: number;
}

/** Two slow pieces a minute would otherwise hold a connection and its memory for as long as a client likes. */
export const bodyStall: BodyStall = { stallMs: 30_000, stallBytes: 64 * 1024 };

export interface ArrivalWatch {
  arrived(bytes: number): void;
  stop(): void;
}

export interface ArrivalOptions extends BodyStall {
  timers: Timers;
  /** Whether the relay itself does not read: then nothing can come. */
  isWaiting(): boolean;
  /** Called at each look that finds too little, until it is stopped. */
  onSlow(): void;
}

export function watchArrival(options: ArrivalOptions): ArrivalWatch {
  const { stallMs, stallBytes, timers, isWaiting, onSlow } = options;
  let sinceLook = 0;
  const timer: Timer = timers.every(stallMs, () => {
    const isSlow = !isWaiting() && sinceLook < stallBytes;
    sinceLook = 0;
    if (isSlow) onSlow();
  });
  return {
    arrived(bytes) {
      sinceLook += bytes;
    },
    stop: () => timer.stop(),
  };
}
