// Notices a peer that reads nothing: by the bytes that leave, for what the peer itself sends says only that it is there.

import type { Duplex } from "node:stream";
import { systemTimers, type Timer, type Timers } from "../time/timers.ts";

export interface StallWatch {
  /** Something may wait from now on: it is watched until nothing does. */
  begin(): void;
  /** Nothing waits any more. */
  stop(): void;
}

export interface StallOptions {
  /** For so long none of what waits has left, or a tenth longer. */
  limitMs: number;
  onStall(): void;
  /** The system's when absent. */
  timers?: Timers;
}

/** Looks are this much more frequent than the limit. */
const looksPerLimit = 10;

/** Costs nothing until it begins, which most answers never need. */
export function createStallWatch(
  socket: Duplex,
  { limitMs, onStall, timers = systemTimers }: StallOptions,
): StallWatch {
  let timer: Timer | undefined;
  let seen = { finished: 0, queued: 0 };
  let looks = 0;

  function stop(): void {
    timer?.stop();
    timer = undefined;
    socket.off("close", stop);
  }

  function look(): void {
    if (socket.writableLength === 0) return stop();
    const now = progressOf(socket);
    const isStalled = now.finished === seen.finished && now.queued === seen.queued;
    looks = isStalled ? looks + 1 : 0;
    seen = now;
    if (looks < looksPerLimit) return;
    stop();
    onStall();
  }

  return {
    begin() {
      if (timer !== undefined || socket.destroyed) return;
      seen = progressOf(socket);
      looks = 0;
      timer = timers.every(Math.ceil(limitMs / looksPerLimit), look).unref();
      socket.once("close", stop);
    },
    stop,
  };
}

/**
 * What has been written whole, and what is left of the write under way, which may be one of many megabytes: the latter is what Node's
 * own socket timeout goes by. That timeout does not do, for incoming bytes put it off.
 */
function progressOf(socket: Duplex): { finished: number; queued: number } {
  const { bytesWritten = 0, _handle: handle } = socket as Duplex & {
    bytesWritten?: number;
    _handle?: { writeQueueSize?: number } | null;
  };
  return { finished: bytesWritten - socket.writableLength, queued: handle?.writeQueueSize ?? 0 };
}
