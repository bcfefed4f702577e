// Chooses the proxy of the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) for a target, for accounts without a proxy of their own.

import { ProxyFault } from "./faults.ts";
import { isLoopbackHost } from "./loopback.ts";
import { type ProxySettings, readProxyUrl } from "./proxy.ts";

/** The variables' values as they were found; undefined where one is unset. */
export interface EnvironmentProxySettings {
  httpProxy?: string;
  httpsProxy?: string;
  noProxy?: string;
}

export interface ProxyTarget {
  secure: boolean;
  host: string;
  port: number;
}

/**
 * Undefined: connect directly. A loopback target never goes through a proxy, whatever NO_PROXY says.
 * Throws a ProxyFault for a value that is no proxy address: going out directly is what the variable's owner did not want.
 */
export function environmentProxyFor(
  target: ProxyTarget,
  environment: EnvironmentProxySettings | undefined,
): ProxySettings | undefined {
  const name = target.secure ? "HTTPS_PROXY" : "HTTP_PROXY";
  const value = (target.secure ? environment?.httpsProxy : environment?.httpProxy)?.trim();
  if (value === undefined || value === "" || isLoopbackHost(target.host)) return undefined;
  if (isExcepted(target, environment?.noProxy ?? "")) return undefined;
  const proxy = readProxyUrl(value);
  if (proxy === undefined) {
    throw new ProxyFault(`the environment variable ${name} is not the address of a proxy that can be used`);
  }
  return proxy;
}

/** NO_PROXY as curl reads it: names match themselves and what is below them, `*` matches everything. */
function isExcepted(target: ProxyTarget, noProxy: string): boolean {
  const host = plainHost(target.host);
  return noProxy.split(/[\s,]+/).some((entry) => {
    const { name, port } = readException(entry);
    if (name === "" || (port !== undefined && port !== target.port)) return false;
    return name === "*" || host === name || host.endsWith(`.${name}`);
  });
}

function readException(entry: string): { name: string; port: number | undefined } {
  // More than one colon and no brackets is an IPv6 address without a port.
  const parts = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry);
  const name = plainHost(parts?.[1] ?? entry);
  return { name: name.replace(/^\*?\./, ""), port: parts === null ? undefined : Number(parts[2]) };
}

function plainHost(host: string): string {
  return host
    .replace(/^\[(.+)\]$/, "$1")
    .replace(/(.)\.$/, "$1")
    .toLowerCase();
}
