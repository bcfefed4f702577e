// Requests that ask to go on in another protocol: WebSocket is taken up, everything else goes on as HTTP.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface UpgradeRequest {
  request: IncomingMessage;
  socket: Socket;
  /** What has come after the request's head. */
  head: Buffer;
}

export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * Hands the connection back to the server as if the client had asked for nothing: Java's HTTP client asks for `h2c` with every
 * first request, and a server may ignore that (RFC 9110, section 7.8).
 */
export function continueAsHttp(server: Server, { request, socket, head }: UpgradeRequest): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (name === "upgrade" || name === "http2-settings") continue;
    const value = name === "connection" ? withoutUpgrade(rawHeaders[at + 1]!) : rawHeaders[at + 1]!;
    if (value !== "") lines.push(`${rawHeaders[at]}: ${value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit("connection", socket);
}

/** Of a Connection header, what is still meant. */
function withoutUpgrade(value: string): string {
  const options = value.split(",").map((option) => option.trim());
  return options.filter((option) => !/^(?:upgrade|http2-settings)$/i.test(option)).join(", ");
}

/** Ties the response to the connection after all, which ends with it. */
export function answerInHttp(response: ServerResponse, socket: Socket): void {
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => socket.destroySoon());
}

/** A connection that breaks is reported by its close, too. */
export function ignore(): void {}
