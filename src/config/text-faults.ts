// Checks strings of the configuration: ids, hosts, header values. Each function returns the rest of a sentence that begins with the
// key, or undefined; none quotes the string, which may be a secret in the wrong place.

import { isIP } from "node:net";
import { passthroughAccountId } from "../domain/family.ts";
import { readProxyUrl, withoutBrackets } from "../network/proxy.ts";

/** Account ids are used in headers, commands and usage rows. */
export function findIdFault(id: string): string | undefined {
  if (id === "") return "is empty";
  if (reservedIds.includes(id)) return "is a name that the usage figures need for themselves";
  if (id.length > maxNameLength) return `is longer than ${maxNameLength} characters`;
  if (!/^[A-Za-z0-9._-]+$/.test(id)) return "may hold letters, digits, dots, dashes and underscores only";
  return undefined;
}

/** Names are printed in tables and logs. */
export function findNameFault(name: string): string | undefined {
  if (name.trim() === "") return "is empty";
  if (name.length > maxNameLength) return `is longer than ${maxNameLength} characters`;
  return /[\p{Cc}\p{Zl}\p{Zp}]/u.test(name) ? "holds a control character" : undefined;
}

/** Client keys are compared and never forwarded, so that any text but an empty one can be one. */
export function findKeyFault(key: string): string | undefined {
  return key.trim() === "" ? "is empty" : undefined;
}

/** Credentials of providers travel in headers and forms. */
export function findTokenFault(token: string): string | undefined {
  if (token.trim() === "") return "is empty";
  if (token !== token.trim()) return "has white space around it";
  return /[^\x21-\x7e]/.test(token) ? "holds a character that no such credential has" : undefined;
}

export function findWordFault(word: string): string | undefined {
  if (word === "") return "is empty";
  return /[\s\p{Cc}]/u.test(word) ? "holds white space or a control character" : undefined;
}

export function findScopesFault(scopes: string): string | undefined {
  return scopes.trim() === "" ? "is empty" : undefined;
}

export function findVariableNameFault(name: string): string | undefined {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? undefined : "is no name of an environment variable";
}

export function findPathFault(path: string): string | undefined {
  if (path.trim() === "") return "is empty";
  // The shell is who expands it elsewhere; here it would become a folder of that name.
  if (/^~(?:[\\/]|$)/.test(path)) return "begins with ~, which is not expanded here";
  return /\p{Cc}/u.test(path) ? "holds a control character" : undefined;
}

/** An address or a name, without scheme and port. */
export function findHostFault(host: string): string | undefined {
  if (host.trim() === "") return "is empty";
  if (/[/@]/.test(host)) return "is a URL, where only the host belongs";
  if (isIP(withoutBrackets(host)) !== 0) return undefined;
  if (/^[^:]+:\d+$/.test(host) || /^\[.*\]:\d+$/.test(host)) return "has a port, which belongs into port";
  return isHostName(host) ? undefined : "is neither an address nor a host name";
}

/** As a Host header names it: with or without a port. */
export function findAllowedHostFault(host: string): string | undefined {
  if (host.trim() === "") return "is empty";
  if (isIP(withoutBrackets(host)) !== 0) return undefined;
  if (/[/@]/.test(host)) return "is a URL, where only the host belongs";
  const name = host.replace(/:\d{1,5}$/, "");
  return isIP(withoutBrackets(name)) !== 0 || isHostName(name)
    ? undefined
    : "is no host name; there are no wildcards";
}

/** As a browser or a program with a browser engine sends it in `Origin`; compared exactly. */
export function findOriginFault(origin: string): string | undefined {
  if (origin.trim() === "") return "is empty";
  if (origin.includes("*")) return "is a pattern, and origins are compared exactly";
  if (origin === "null") return 'is what any page can send that hides its origin: "null" is never allowed';
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s\p{Cc}/?#@\\]+$/u.test(origin)) {
    return "is no origin: a scheme and a host, with a port where it has one, and no path";
  }
  const isSpelledAsSent = !/^https?:/.test(origin) || isOriginOfUrl(origin);
  return isSpelledAsSent ? undefined : "is not spelled as browsers send it: lower case, without a usual port";
}

/** The name of a model that is asked for; patterns belong on the other side. */
export function findModelFault(model: string): string | undefined {
  if (model.includes("*")) return "is a pattern, where the one name belongs that is sent";
  return findWordFault(model);
}

/** A day (UTC), or a time with its zone. */
export function findDateFault(date: string): string | undefined {
  const isDate = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?$/.test(date) && !Number.isNaN(Date.parse(date));
  return isDate ? undefined : "is no date";
}

export function findProxyUrlFault(text: string): string | undefined {
  // A lone word would be taken for a host with an HTTP proxy on port 80: `none`, `off`, a password.
  const proxy = /:\d|:\/\//.test(text) ? readProxyUrl(text) : undefined;
  return proxy === undefined || proxy.port === 0 ? "is no address of a proxy" : undefined;
}

const maxNameLength = 100;

/** `(none)` is the account of requests that nobody answered. */
const reservedIds: readonly string[] = [passthroughAccountId, "(none)"];

function isOriginOfUrl(origin: string): boolean {
  return URL.canParse(origin) && new URL(origin).origin === origin;
}

function isHostName(host: string): boolean {
  return host.length <= 253 && /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?$/.test(host);
}
