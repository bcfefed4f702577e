// The sessions of the page and what they open: a one-time code is exchanged for a session, a random secret in a cookie. Programs may
// read `/status` too.

import { createHash, randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { ClientKey } from "../config/config.ts";
import { RelayError } from "../domain/errors.ts";
import { authenticate } from "../relay/authenticate.ts";

export interface Sessions {
  /** Begins a session; returns the secret that its cookie holds. */
  begin(now: number): string;
  /** Whether one of the secrets is that of a session which has not ended. */
  isOpen(secrets: readonly string[], now: number): boolean;
}

const sessionMs = 12 * 3_600_000;
/** A further sign-in ends the oldest session: nothing may grow without bound. */
const maxSessions = 100;

/** Sessions live in memory only: a restart of the relay ends them. */
export function createSessions(): Sessions {
  /** When each ends, by the hash of its secret: looking up a hash reveals nothing about the secret by its time. */
  const ends = new Map<string, number>();
  return {
    begin(now) {
      for (const [hash, end] of ends) if (end <= now || ends.size >= maxSessions) ends.delete(hash);
      const secret = randomBytes(32).toString("base64url");
      ends.set(hashOf(secret), now + sessionMs);
      return secret;
    },
    isOpen(secrets, now) {
      return secrets.some((secret) => (ends.get(hashOf(secret)) ?? 0) > now);
    },
  };
}

/**
 * The name of the page's cookie. A browser sends a cookie to every port of a host: with the port in the name, two relays
 * of one machine do not sign each other out.
 */
export function cookieName(hostHeader: string | undefined): string {
  const port = /:(\d{1,5})$/.exec(hostHeader ?? "")?.[1] ?? "80";
  return `cc-relay-ui-${port}`;
}

export function sessionCookie(name: string, secret: string): string {
  return `${name}=${secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${sessionMs / 1000}`;
}

/** Every value that the cookie header has under the name: another local server can set one of its own beside ours. */
function readCookies(header: string | undefined, name: string): string[] {
  if (header === undefined) return [];
  const pairs = header.split(";", maxCookies).map((pair) => pair.trim());
  return pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
}

const maxCookies = 200;

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}

export interface AccessQuestion {
  headers: IncomingHttpHeaders;
  sessions: Sessions;
  /** Epoch ms. */
  now: number;
}

export function isSignedIn({ headers, sessions, now }: AccessQuestion): boolean {
  // A request that another origin made has no business with the cookie, whatever a browser thinks of SameSite.
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return false;
  return sessions.isOpen(readCookies(headers.cookie, cookieName(headers.host)), now);
}

/** Throws RelayError("invalid_key") when the request has neither a session, nor a key, nor the right to do without. */
export function mayReadStatus(
  question: AccessQuestion & { query: string; keys: readonly ClientKey[] },
): void {
  if (isSignedIn(question)) return;
  const { headers, query, keys } = question;
  if (keys.length > 0) {
    // A page can put a key into an address, but not into a header.
    authenticate(headers, isFromBrowser(headers) ? "" : query, { apiKeys: keys });
    return;
  }
  if (isFromBrowser(headers)) throw notSignedIn();
}

/** Every sign of a browser. Programs of this machine send none of them; Node's fetch sends `Sec-Fetch-Mode` alone. */
function isFromBrowser(headers: IncomingHttpHeaders): boolean {
  const signs = ["sec-fetch-site", "sec-purpose", "purpose", "origin", "referer"];
  return signs.some((name) => headers[name] !== undefined);
}

export function notSignedIn(): RelayError {
  return new RelayError("invalid_key", "Not signed in at cc-relay's page; run: cc-relay web", {
    shouldRetry: false,
  });
}
