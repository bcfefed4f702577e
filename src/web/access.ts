// Checks who may read the page's data: the page with its cookie, and for `/status` programs too.

import type { IncomingHttpHeaders } from "node:http";
import type { ClientKey } from "../config/config.ts";
import { RelayError } from "../domain/errors.ts";
import { authenticate } from "../relay/authenticate.ts";
import { cookieName, readCookies, type Sessions } from "./sessions.ts";

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
    authenticate(headers, isFromBrowser(headers) ? "" : query, keys);
    return;
  }
  if (isFromBrowser(headers)) throw notSignedIn();
}

/** Every sign of a browser. Programs of this machine send none of them. */
function isFromBrowser(headers: IncomingHttpHeaders): boolean {
  const signs = ["sec-fetch-site", "sec-fetch-mode", "sec-purpose", "purpose", "origin", "referer"];
  return signs.some((name) => headers[name] !== undefined);
}

export function notSignedIn(): RelayError {
  return new RelayError("invalid_key", "Not signed in at cc-relay's page; run: cc-relay web", {
    shouldRetry: false,
  });
}
