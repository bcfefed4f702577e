// Whether an address is the relay's.

import { isLoopbackHost } from "../../network/loopback.ts";

/** Whether a URL leads to the origin: loopback has several names, and a relay on one mostly answers to all. */
export function isAt(url: URL, origin: string | undefined): boolean {
  if (origin === undefined) return false;
  const relay = new URL(origin);
  if (url.port !== relay.port) return false;
  return url.hostname === relay.hostname || (isLoopbackHost(url.hostname) && isLoopbackHost(relay.hostname));
}
