// Checks the URLs of a configuration, and gives each one spelling.

import { BlockList, isIP } from "node:net";
import type { Family } from "../domain/family.ts";
import { isLoopbackHost } from "../network/loopback.ts";
import { withoutBrackets } from "../network/proxy.ts";

/** What is wrong with a URL, as the rest of a sentence; undefined when it can be used. Never quotes it: it may hold a password. */
export function findUrlFault(text: string): string | undefined {
  return findUrlShapeFault(text) ?? (isPlainToElsewhere(text) ? plainHttpFault : undefined);
}

/** The same for a URL whose way is checked elsewhere: see isPlainToElsewhere. */
export function findUrlShapeFault(text: string): string | undefined {
  const fault = findReceiverUrlFault(text);
  if (fault !== undefined) return fault;
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return "holds a user name or password";
  if (text.includes("?")) return "has a query (from ? on)";
  return text.includes("#") ? "has a fragment (from # on)" : undefined;
}

/** Of a receiver of notifications: no credential of an account goes there, so it may have a query, a password and plain http. */
export function findReceiverUrlFault(text: string): string | undefined {
  if (!URL.canParse(text)) return "is no complete URL";
  const { protocol } = new URL(text);
  if (protocol !== "http:" && protocol !== "https:") return "is neither an https nor an http URL";
  return !/^https?:\/\//i.test(text) || /[\s\p{Cc}\\]/u.test(text) ? "is no complete URL" : undefined;
}

export const plainHttpFault =
  "would send credentials unencrypted: plain http is for this machine (127.0.0.1) only";

/** Whether credentials would leave this machine unencrypted. Expects a URL. */
export function isPlainToElsewhere(text: string): boolean {
  const url = new URL(text);
  return url.protocol === "http:" && !isLoopbackHost(url.hostname);
}

/**
 * Whether a host is in the owner's own network, as far as its name says: where `insecure_http = true` allows plain http. A name
 * without a dot is resolved by the own network or nobody; `host.docker.internal` is the machine that a container runs on.
 */
export function isOwnNetworkHost(host: string): boolean {
  const name = withoutBrackets(host.toLowerCase()).replace(/\.$/, "");
  if (isLoopbackHost(name) || name === "host.docker.internal") return true;
  const version = isIP(name);
  if (version === 0) return !name.includes(".");
  return ownNetworks.check(name, version === 4 ? "ipv4" : "ipv6");
}

/** RFC 1918, RFC 3927, RFC 6598 (also Tailscale's), RFC 4193, RFC 4291. */
const ownNetworks = new BlockList();
for (const [address, bits] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
  ["100.64.0.0", 10],
] as const) {
  ownNetworks.addSubnet(address, bits, "ipv4");
}
ownNetworks.addSubnet("fc00::", 7, "ipv6");
ownNetworks.addSubnet("fe80::", 10, "ipv6");

/**
 * The base URL of a provider's API without trailing slash: `/v1`, `/v1beta` and the paths of single operations, which people copy
 * along, are taken off. OpenAI's keeps its version (`/v1`, `…/v4`, `…/openai/v1`), or gets `/v1`. Expects a URL without fault.
 */
export function readApiUrl(text: string, family: Family): string {
  const url = new URL(text);
  const path = url.pathname.replace(/\/{2,}/g, "/").replace(/\/$/, "");
  const base = path.replace(/(\/v\d+)\/(?:messages|responses|chat\/completions)$/, "$1");
  if (family !== "openai") return `${url.origin}${base.replace(/\/v1(?:beta)?$/, "")}`;
  return `${url.origin}${/\/v\d+$/.test(base) ? base : `${base.replace(/\/v1beta$/, "")}/v1`}`;
}
