// Recognises names and addresses that can only mean this machine.

import { BlockList, isIP } from "node:net";
import { withoutBrackets } from "./proxy.ts";

/** Whether a host name or address, with or without brackets, can only mean this machine (RFC 6761, section 6.3). */
export function isLoopbackHost(host: string): boolean {
  // What nearly every request says.
  if (host === "127.0.0.1" || host === "localhost") return true;
  const name = withoutBrackets(host.toLowerCase()).replace(/(.)\.$/, "$1");
  return name === "localhost" || name.endsWith(".localhost") || isLoopbackAddress(name);
}

/** 127.0.0.0/8, ::1 and their IPv4-mapped forms. */
export function isLoopbackAddress(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && loopback.check(address, version === 4 ? "ipv4" : "ipv6");
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");
