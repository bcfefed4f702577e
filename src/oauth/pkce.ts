// Makes the secrets of one login attempt (RFC 7636) and compares them in constant time.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

export interface LoginSecrets {
  /** Stays here until the code is exchanged. */
  verifier: string;
  /** SHA-256 of the verifier: goes out with the browser. */
  challenge: string;
  /** Comes back with the code. Not the verifier, which some programs use for it: the address of a page is no secret. */
  state: string;
}

export function createLoginSecrets(): LoginSecrets {
  const verifier = randomBytes(32).toString("base64url");
  const challenge = createHash("sha256").update(verifier, "ascii").digest("base64url");
  return { verifier, challenge, state: randomBytes(32).toString("base64url") };
}

export function isSameSecret(given: string, expected: string): boolean {
  // Hashed first: timingSafeEqual wants equal lengths, and a length would reveal something too.
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}
