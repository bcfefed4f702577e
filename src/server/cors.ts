// The CORS headers for pages of `server.allowed_origins`, and the answer to a preflight.

import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * Raw pairs for every answer to a page of an allowed origin. Never with credentials: the key is in a header that the page
 * sets itself, and what the browser would add (cookies) proves nothing here.
 */
export function corsHeaders(origin: string): string[] {
  return [
    ...["access-control-allow-origin", origin, "access-control-expose-headers", "*"],
    ...["vary", "Origin"],
  ];
}

export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
}

/** Pages ask anew after this time. */
const preflightSeconds = 600;

/** Needs no key: browsers send none with it. What it allows is refused without one all the same. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse, origin: string): void {
  const asked = (name: string) => request.headers[name]?.toString();
  const headers = [
    ...corsHeaders(origin),
    ...["access-control-allow-methods", "GET, POST, DELETE"],
    ...["access-control-max-age", String(preflightSeconds)],
  ];
  const names = asked("access-control-request-headers");
  if (names !== undefined) headers.push("access-control-allow-headers", names);
  // Chromium asks before a page of the internet reaches this machine: Private Network Access, now Local Network Access.
  for (const network of ["private-network", "local-network"]) {
    if (asked(`access-control-request-${network}`) === "true")
      headers.push(`access-control-allow-${network}`, "true");
  }
  response.writeHead(204, headers).end();
}
