// Keeps the page's status true: follows the relay, comes back when the connection is lost, and pauses while nobody looks.

import type { StatusDocument } from "../documents/types.ts";
import { followStatus, SignedOut } from "./api.ts";

export type ConnectionState = "connecting" | "live" | "lost" | "signed-out";

export interface ConnectionEvents {
  onStatus(status: StatusDocument): void;
  onState(state: ConnectionState): void;
}

const firstRetryMs = 500;
const maxRetryMs = 10_000;

/** Follows until the session is over. A tab that is hidden follows nothing. */
export async function keepFollowing({ onStatus, onState }: ConnectionEvents): Promise<void> {
  let retryMs = firstRetryMs;
  for (;;) {
    await shown();
    const hidden = new AbortController();
    const stop = () => document.hidden && hidden.abort();
    document.addEventListener("visibilitychange", stop);
    try {
      await followStatus(hidden.signal, (status) => {
        retryMs = firstRetryMs;
        onState("live");
        onStatus(status);
      });
    } catch (error) {
      if (error instanceof SignedOut) return onState("signed-out");
    } finally {
      document.removeEventListener("visibilitychange", stop);
    }
    if (hidden.signal.aborted) continue;
    onState("lost");
    await new Promise((resolve) => setTimeout(resolve, retryMs));
    retryMs = Math.min(retryMs * 2, maxRetryMs);
  }
}

function shown(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
  });
}
