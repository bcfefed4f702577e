// Accepts a client's WebSocket, when the provider's side is open.

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket, WebSocketServer } from "ws";
import type { Dialect, Route } from "../dialects/dialect.ts";
import { RelayError } from "../domain/errors.ts";
import { forwardResponseHeaders } from "../network/headers.ts";
import type { RelayDeps } from "../relay/exchange.ts";
import type { Served } from "../relay/failover-state.ts";

export interface Upgrade {
  /** Our id of the upgrade request. */
  id: string;
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  query: string;
  /** The name of the key, which is checked before anything else is looked at. */
  client: string;
  dialect: Dialect;
  route: Route;
}

/** RFC 6455, section 4.2.1. */
export function checkHandshake({ method, headers }: IncomingMessage): void {
  const key = headers["sec-websocket-key"] ?? "";
  if (method === "GET" && headers["sec-websocket-version"] === "13" && /^[+/0-9A-Za-z]{22}==$/.test(key))
    return;
  throw upgradeRequired("The request does not ask for a WebSocket of version 13");
}

/** No compression toward the client, which is mostly on this machine. */
export function acceptClient(
  Server: typeof WebSocketServer,
  { request, socket, head }: Upgrade,
  { account, upstream, answer }: Served,
  { deps, closeTimeoutMs }: { deps: RelayDeps; closeTimeoutMs: number },
): WebSocket {
  const server = new Server({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    closeTimeout: closeTimeoutMs,
    maxPayload: deps.config().server.maxBodyBytes,
  } as ConstructorParameters<typeof WebSocketServer>[0]);
  server.on("headers", (lines: string[]) => {
    const headers = forwardResponseHeaders(answer.rawHeaders, {
      bodyUnchanged: false,
      drop: (name) =>
        name.startsWith("sec-websocket-") || (!account.passthrough && upstream.isAccountHeader(name)),
    });
    headers.push("x-cc-relay-account", account.config.id);
    for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  });
  let accepted: WebSocket | undefined;
  // Calls back at once, or not at all where the client has ended its side.
  server.handleUpgrade(request, socket, head, (client) => (accepted = client));
  if (accepted === undefined) throw upgradeRequired("The client has left");
  return accepted;
}

export function upgradeRequired(reason: string, cause?: unknown): RelayError {
  return new RelayError(
    "upgrade_required",
    `${reason}: cc-relay offers no WebSocket for it; use HTTP (Codex does so by itself, or with supports_websockets = false).`,
    { cause },
  );
}
