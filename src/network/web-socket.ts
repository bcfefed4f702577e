// Opens a WebSocket to a provider through an account's own way out, and says how a refused one was refused.

import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { buildConnector } from "undici";
import type { WebSocket } from "ws";
import type { HeaderMap } from "../domain/call.ts";
import { deflateInSteps, deflateOptions } from "./deflate.ts";
import { describeExchange } from "./faults.ts";

export interface DialOptions {
  /** scheme://host[:port]; http or https. */
  origin: string;
  /** Path and query. */
  path: string;
  /** Raw pairs; what belongs to the handshake itself is made here. */
  headers: readonly string[];
  connect: buildConnector.connector;
  /** Longer messages end the socket with 1009, also when they are that long only once they are inflated. */
  maxMessageBytes: number;
  /** Ends the attempt: rejects with its reason. */
  signal: AbortSignal;
}

export interface DialHead {
  status: number;
  headers: HeaderMap;
  /** Name, value, name, value … as they came. */
  rawHeaders: readonly string[];
}

export type Dialled =
  /** The socket is paused: nothing is lost before somebody listens and resumes it. */
  { kind: "open"; socket: WebSocket; head: DialHead } | { kind: "refused"; head: DialHead; body: Buffer };

/** So much of a refusal is read. */
const maxRefusalBytes = 256 * 1024;
/** A peer that does not answer a close is disconnected after this time. */
export const closeTimeoutMs = 3000;

/** Rejects with the signal's reason, or with an error that readNetworkFault can read. */
export async function dialWebSocket(options: DialOptions): Promise<Dialled> {
  // Loaded with the first socket: most relays never open one.
  const { WebSocket } = await import("ws");
  const { origin, path, headers, signal, maxMessageBytes } = options;
  signal.throwIfAborted();
  return await new Promise((resolve, reject) => {
    let head: DialHead | undefined;
    let stage: "connecting" | "sent" | "answering" = "connecting";
    const socket = new WebSocket(`${origin.replace(/^http/, "ws")}${path}`, {
      headers: toHeaders(headers),
      maxPayload: maxMessageBytes,
      perMessageDeflate: deflateOptions,
      autoPong: false,
      closeTimeout: closeTimeoutMs,
      followRedirects: false,
      createConnection: connectionOf(options, () => (stage = "sent")),
    } as ConstructorParameters<typeof WebSocket>[2]);
    const fail = (error: unknown) => {
      signal.removeEventListener("abort", abort);
      describeExchange(error, { origin, stage, stale: false });
      reject(signal.aborted ? signal.reason : error);
    };
    const abort = () => {
      fail(signal.reason);
      socket.terminate();
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.on("error", fail);
    socket.once("upgrade", (response: IncomingMessage) => {
      head = headOf(response);
      stage = "answering";
    });
    socket.once("unexpected-response", (request: ClientRequest, response: IncomingMessage) => {
      head = headOf(response);
      readRefusal(response, (body) => {
        signal.removeEventListener("abort", abort);
        request.destroy();
        resolve({ kind: "refused", head: head!, body });
      });
    });
    socket.once("open", () => {
      signal.removeEventListener("abort", abort);
      // What has made the connection would stay in memory for as long as that.
      socket.removeAllListeners("unexpected-response");
      socket.off("error", fail);
      socket.on("error", ignore);
      answerPings(socket);
      deflateInSteps(socket, maxMessageBytes);
      socket.pause();
      resolve({ kind: "open", socket, head: head ?? { status: 101, headers: {}, rawHeaders: [] } });
    });
  });
}

/** For a socket that does not do it by itself: of a peer that reads nothing, no more pongs wait than these. */
export function answerPings(socket: WebSocket): void {
  socket.on("ping", (data: Buffer) => {
    if (socket.readyState === socket.OPEN && socket.bufferedAmount < maxPongBytes) socket.pong(data);
  });
}

const maxPongBytes = 64 * 1024;

/** A fault on an open socket is reported by its close, too. */
function ignore(): void {}

function connectionOf({ origin, connect }: DialOptions, onConnected: () => void) {
  const { protocol, hostname, port, host } = new URL(origin);
  return (_: unknown, callback: (error: Error | null, socket?: Socket) => void): undefined => {
    connect({ protocol, hostname, port, host }, (error, socket) => {
      if (!error) onConnected();
      callback(error, socket ?? undefined);
    });
    return undefined;
  };
}

/** node:http takes an array of values for a repeated header. */
function toHeaders(pairs: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  const names = new Map<string, string>();
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const lower = pairs[at]!.toLowerCase();
    if (lower.startsWith("sec-websocket-")) continue;
    const name = names.get(lower) ?? pairs[at]!;
    names.set(lower, name);
    const known = headers[name];
    headers[name] = known === undefined ? pairs[at + 1]! : [known, pairs[at + 1]!].flat();
  }
  return headers;
}

function headOf({ statusCode = 0, headers, rawHeaders }: IncomingMessage): DialHead {
  return { status: statusCode, headers, rawHeaders };
}

function readRefusal(response: IncomingMessage, done: (body: Buffer) => void): void {
  const pieces: Buffer[] = [];
  let size = 0;
  const finish = () => done(Buffer.concat(pieces));
  response.on("data", (piece: Buffer) => {
    pieces.push(piece);
    size += piece.length;
    if (size < maxRefusalBytes) return;
    response.removeAllListeners("data").destroy();
  });
  response.once("close", finish);
  response.once("error", ignore);
}
