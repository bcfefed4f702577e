// Remembers which addresses offer no WebSocket, so that nobody waits for their refusal again.

export interface Endpoints {
  hasNone(apiUrl: string): boolean;
  /** The address has answered an upgrade with this status. Returns whether that means that it offers none. */
  refused(apiUrl: string, status: number): boolean;
}

/** A host may begin to offer it any day. */
const rememberedMs = 86_400_000;

export function createEndpoints(now: () => number): Endpoints {
  const until = new Map<string, number>();
  return {
    hasNone(apiUrl) {
      return (until.get(apiUrl) ?? 0) > now();
    },
    refused(apiUrl, status) {
      const isNone = status === 404 || status === 405 || status === 426;
      if (isNone) until.set(apiUrl, now() + rememberedMs);
      return isNone;
    },
  };
}
