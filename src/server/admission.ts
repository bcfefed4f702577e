// Admits or refuses a request by its Host and Origin: only names of the relay, and no web pages.

import type { IncomingMessage } from "node:http";
import type { Config } from "../config/config.ts";
import { isRoutePath } from "../dialects/registry.ts";
import { RelayError } from "../domain/errors.ts";
import { hostAllowed } from "../network/host-guard.ts";
import { hasKeyHeader } from "../relay/authenticate.ts";
import { isProbe } from "./own-routes.ts";
import { type Area, decidePageAccess, hasBrowserHeader, type PageDecision } from "./page-access.ts";
import { isWebSocket } from "./upgrade.ts";

export interface Visitor {
  request: IncomingMessage;
  target: Target;
  config: Pick<Config, "server" | "apiKeys">;
  /** The relay listens on a loopback address only. */
  boundLoopback: boolean;
  /** The session cookie of the relay's own page is there and valid. */
  hasPageSession(): boolean;
}

/** Throws RelayError for a host that is not the relay's own and for most web pages; returns what holds for the others. */
export function admit(visitor: Visitor): Exclude<PageDecision, { kind: "refuse" }> {
  checkHost(visitor);
  const { request, target, config } = visitor;
  const { headers } = request;
  if (!hasBrowserHeader(headers)) return { kind: "pass" };
  const method = request.method ?? "GET";
  const area = isWebSocket(request) ? "socket" : areaOf(method, target.path);
  const decision = decidePageAccess({
    area,
    method,
    headers,
    hasKeyHeader: hasKeyHeader(headers, config.apiKeys),
    hasPageSession: visitor.hasPageSession(),
    allowedOrigins: config.apiKeys.length > 0 ? config.server.allowedOrigins : [],
  });
  if (decision.kind === "refuse") throw forbiddenPage(decision.origin, area);
  return decision;
}

/** A page whose own name was rebound to this machine sends that name. */
function checkHost({ request, target, config, boundLoopback }: Visitor): void {
  const { rawHeaders, headers } = request;
  if (countHosts(rawHeaders) > 1) {
    throw new RelayError("invalid_request", "The request has two Host headers; send one.");
  }
  const { allowedHosts } = config.server;
  const isAllowed = (hostHeader: string | undefined) =>
    hostAllowed({ hostHeader, boundLoopback, allowedHosts });
  if (isAllowed(headers.host) && (target.authority === undefined || isAllowed(target.authority))) return;
  throw new RelayError(
    "forbidden_host",
    "cc-relay does not answer for this host name; use 127.0.0.1, or add the name to server.allowed_hosts.",
    { shouldRetry: false },
  );
}

function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === 4 && name.toLowerCase() === "host") count++;
  }
  return count;
}

function areaOf(method: string, path: string): Area {
  if (path === "/" || path === "/health") return "open";
  if (/^\/ui(?:\/|$)/.test(path)) return "page";
  if (method === "HEAD" && isProbe(path)) return "open";
  if (path === "/status") return "status";
  return isRoutePath(path) ? "model" : "program";
}

/** An origin is as long as its sender likes, and may contain anything. */
const maxOriginLength = 200;

function forbiddenPage(origin: string | undefined, area: Area): RelayError {
  if (origin === undefined) {
    return new RelayError(
      "forbidden_origin",
      "cc-relay does not answer what a browser asks for by itself or for a page; programs send their relay key in a header.",
      { shouldRetry: false },
    );
  }
  const shown = JSON.stringify(origin.slice(0, maxOriginLength));
  const advice =
    area === "model"
      ? `if it is yours, add ${shown} to server.allowed_origins in config.toml (needs api_keys)`
      : `server.allowed_origins opens model routes alone${area === "socket" ? ", over HTTP" : ""}`;
  return new RelayError(
    "forbidden_origin",
    `cc-relay does not answer web pages of the origin ${shown}; ${advice}.`,
    {
      shouldRetry: false,
      logged: { origin: origin.slice(0, maxOriginLength), setting: "server.allowed_origins" },
    },
  );
}

/** A request's target, split into path and query. */
export interface Target {
  /** As it was written, without the query. */
  path: string;
  /** "" or "?…" as it was written. */
  query: string;
  /** Host and port of an absolute target, as clients behind a proxy variable send it; undefined for a plain path. */
  authority: string | undefined;
}

export function splitTarget(target: string): Target {
  const absolute = target.startsWith("/") ? null : /^https?:\/\/([^/?#]*)/i.exec(target);
  const rest = target.slice(absolute?.[0].length ?? 0) || "/";
  const at = rest.indexOf("?");
  const path = at < 0 ? rest : rest.slice(0, at);
  return { path, query: at < 0 ? "" : rest.slice(at), authority: absolute?.[1] };
}
