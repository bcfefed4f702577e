// Opens a TCP connection that a signal can end while it is being made.

import net, { type Socket } from "node:net";
import { probeDescriptors } from "./descriptors.ts";

export interface TcpOptions {
  signal: AbortSignal;
  /** When the signal comes at the latest: an address among several gets a part of it. */
  limitMs: number;
}

/** Rejects with the socket's error, or the signal's reason. */
export function openTcp(
  { host, port }: { host: string; port: number },
  { signal, limitMs }: TcpOptions,
): Promise<Socket> {
  if (net.isIP(host) === 0) probeDescriptors();
  return new Promise((resolve, reject) => {
    const socket = net.connect({
      host,
      port,
      // Node's limit of 250 ms per address fails for every far provider whose first address is merely slow (nodejs/node#54359).
      autoSelectFamilyAttemptTimeout: Math.max(250, Math.floor(limitMs / 4)),
    });
    const abort = () => socket.destroy(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      signal.removeEventListener("abort", abort);
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
