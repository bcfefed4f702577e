// Decides which requests of web pages and browsers are refused: no page may use its visitor's accounts.

import type { IncomingHttpHeaders } from "node:http";
import { isOwnOrigin } from "../network/host-guard.ts";

/** What is asked for, as far as pages are concerned. */
export type Area =
  /** Costs money or an account's standing: for programs, and for the pages of `server.allowed_origins`. */
  | "model"
  /** A WebSocket, which a page can open across sites without a preflight: for programs alone, whatever page and key it is. */
  | "socket"
  /** For programs alone: `/metrics`, and every path without a route. */
  | "program"
  /** `/status`: like `program`, and for the relay's own page when it is signed in. */
  | "status"
  /** `/`, `/health` and the clients' probes: may be typed into an address bar. */
  | "open"
  /** `/ui`: like `open`, and opened by other programs and restored tabs. It gives no data without its own cookie. */
  | "page";

export interface PageQuestion {
  area: Area;
  method: string;
  headers: IncomingHttpHeaders;
  /** A header carries one of the relay's keys. No page can set such a header without a preflight. */
  hasKeyHeader: boolean;
  /** The session cookie of the relay's own page is there and valid. */
  hasPageSession: boolean;
  /** `server.allowed_origins`; empty where there are no api_keys. */
  allowedOrigins: readonly string[];
}

export type PageDecision =
  | { kind: "pass" }
  /** A page of an allowed origin: the answer carries CORS headers, and the key is needed as ever. */
  | { kind: "cors"; origin: string }
  /** `origin` is undefined where the browser did not name one. */
  | { kind: "refuse"; origin: string | undefined };

/** Headers that browsers set and programs do not. */
const browserHeaders = ["origin", "sec-fetch-site", "sec-purpose", "purpose", "referer"] as const;

/** Without any of these headers there is nothing to decide. */
export function hasBrowserHeader(headers: IncomingHttpHeaders): boolean {
  return browserHeaders.some((name) => headers[name] !== undefined);
}

/**
 * Chromium sends prefetches, prerenders and the requests of extensions with `Sec-Fetch-Site: none` and no Origin; Electron's
 * own stack sends `Sec-Fetch-Site` for programs such as VS Code; Node's fetch sends `Sec-Fetch-Mode` alone.
 */
export function decidePageAccess(question: PageQuestion): PageDecision {
  const { area, headers, allowedOrigins } = question;
  const { origin } = headers;
  if (origin === undefined) {
    const isRefused =
      (area === "socket" && isOtherSite(headers)) ||
      (!question.hasKeyHeader && !maySpeakWithoutKey(question));
    return isRefused ? { kind: "refuse", origin: undefined } : { kind: "pass" };
  }
  if (area === "model" && allowedOrigins.includes(origin)) return { kind: "cors", origin };
  const isOwn = isOwnOrigin(origin, headers.host) && !isOtherSite(headers);
  const isForPages = area === "open" || area === "page" || (area === "status" && question.hasPageSession);
  return isOwn && isForPages ? { kind: "pass" } : { kind: "refuse", origin };
}

function maySpeakWithoutKey({ area, method, headers, hasPageSession }: PageQuestion): boolean {
  const site = textOf(headers["sec-fetch-site"]);
  const isSpeculative = headers["sec-purpose"] !== undefined || headers.purpose !== undefined;
  if (area === "page") return !isSpeculative && !isOtherSite(headers);
  if (area === "open" || (area === "status" && hasPageSession && site === "same-origin")) {
    if (isSpeculative || isOtherSite(headers)) return false;
    return site !== "none" || textOf(headers["sec-fetch-user"]) === "?1";
  }
  const isReading = method === "GET" || method === "HEAD";
  if (site === undefined) return !(isReading && (isSpeculative || hasForeignReferer(headers)));
  const isNavigation = textOf(headers["sec-fetch-mode"]) === "navigate";
  return site === "none" && !isReading && !isSpeculative && !isNavigation;
}

/** Another port of localhost, and a neighbour below the same domain, are other origins that a browser calls same-site. */
function isOtherSite(headers: IncomingHttpHeaders): boolean {
  const site = textOf(headers["sec-fetch-site"]);
  return site !== undefined && site !== "none" && site !== "same-origin";
}

function hasForeignReferer({ referer, host }: IncomingHttpHeaders): boolean {
  if (referer === undefined) return false;
  return !URL.canParse(referer) || !isOwnOrigin(new URL(referer).origin, host);
}

function textOf(header: string | string[] | undefined): string | undefined {
  return header?.toString().trim().toLowerCase();
}
