// The guard on Host and Origin: keeps web pages and rebound DNS names away from an endpoint that spends its owner's money.

import { isLoopbackHost } from "./loopback.ts";
import { withoutBrackets } from "./proxy.ts";

export interface HostQuestion {
  /** The request's Host header; undefined when it has none, which no browser can do. */
  hostHeader: string | undefined;
  /** The relay listens on a loopback address only. */
  boundLoopback: boolean;
  /** `server.allowed_hosts`: names, or names with a port. */
  allowedHosts: readonly string[];
}

/**
 * Bound to loopback, only loopback names and the allowed ones are answered: a page whose own name was rebound to
 * 127.0.0.1 still sends that name. Bound elsewhere (client keys are required there) every name is, unless some are listed.
 */
export function hostAllowed(question: HostQuestion): boolean {
  if (!question.boundLoopback && question.allowedHosts.length === 0) return true;
  if (question.hostHeader === undefined) return question.boundLoopback;
  const host = readHostHeader(question.hostHeader);
  if (host === undefined) return false;
  return isLoopbackHost(host.name) || question.allowedHosts.some((entry) => isSameHost(entry, host));
}

/**
 * Whether an Origin is the relay's own, as the request's Host header has it. "null" (sandboxed frames, files, redirects) and
 * every scheme but http cannot be.
 */
export function isOwnOrigin(origin: string, host: string | undefined): boolean {
  const asked = parseWebOrigin(origin.trim());
  if (asked === undefined || host === undefined) return false;
  return parseWebOrigin(`${asked.protocol}//${host.trim()}`)?.host === asked.host;
}

interface Host {
  name: string;
  port: string | undefined;
}

/** Undefined for anything but `name`, `name:port`, `[v6]` and `[v6]:port`. */
function readHostHeader(text: string): Host | undefined {
  const parts = /^(\[[0-9a-f:.]+\]|[^\s:@/?#,\\[\]]+)(?::(\d{0,5}))?$/i.exec(text.trim());
  return parts?.[1] === undefined ? undefined : { name: parts[1], port: parts[2] };
}

function isSameHost(entry: string, host: Host): boolean {
  const allowed = readHostHeader(entry) ?? { name: entry, port: undefined };
  if (allowed.port !== undefined && allowed.port !== host.port) return false;
  return plain(allowed.name) === plain(host.name);
}

function plain(name: string): string {
  return withoutBrackets(name.toLowerCase()).replace(/(.)\.$/, "$1");
}

function parseWebOrigin(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isOrigin = url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
  return isOrigin && (url.protocol === "http:" || url.protocol === "https:") ? url : undefined;
}
