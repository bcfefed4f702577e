// The sessions of the page: a one-time code is exchanged for a session, a random secret in a cookie.

import { createHash, randomBytes } from "node:crypto";

export interface Sessions {
  /** Begins a session; returns the secret that its cookie holds. */
  begin(now: number): string;
  /** Whether one of the secrets is that of a session which has not ended. */
  isOpen(secrets: readonly string[], now: number): boolean;
}

export const sessionMs = 12 * 3_600_000;
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
export function readCookies(header: string | undefined, name: string): string[] {
  if (header === undefined) return [];
  const pairs = header.split(";", maxCookies).map((pair) => pair.trim());
  return pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
}

const maxCookies = 200;

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}
