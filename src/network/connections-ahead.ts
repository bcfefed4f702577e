// Connections that are open before a request needs them, so that it waits for no handshake. Over TLS alone: without it a connection is
// one round trip, and it takes two at least.

import type { Socket } from "node:net";
import type { buildConnector } from "undici";
import { systemClock } from "../time/clock.ts";
import type { Connector, ConnectRequest } from "./connector.ts";

/** Of one account: one connection to an address at most. */
export interface ConnectionsAhead {
  /** Connects as ever, or gives the connection that is open. */
  readonly connect: Connector;
  /** A request goes to the address (scheme://host[:port]), or may soon. */
  used(origin: string): void;
  /** Opens one, unless there is one to it. What fails is nobody's: the next request connects for itself, and says so. */
  open(origin: string): void;
  /** A connection for requests was made. */
  connected(origin: string): void;
  /** It is gone: the last one that its provider has closed is replaced. */
  disconnected(origin: string, isByProvider: boolean): void;
  close(): void;
}

export interface ConnectionsAheadOptions {
  connect: Connector;
  /** After so long without a request nothing is opened any more, and what is open is closed. */
  keptMs: number;
  monotonic?: () => number;
}

/** A provider that closes sooner wants no idle connections. */
const minLifeMs = 10_000;

const never = Number.NEGATIVE_INFINITY;

/** How long it took to connect those that have been idle before their first request: they may have been closed meanwhile. */
const connectMs = new WeakMap<Socket, number>();

/** Milliseconds; undefined: the socket was connected for the request that has it. */
export function connectMsAhead(socket: Socket | null): number | undefined {
  return socket === null ? undefined : connectMs.get(socket);
}

interface Address {
  /** Monotonic ms. */
  usedAt: number;
  /** Used twice within the time that connections are kept: one token that is refreshed makes no conversation. */
  isRegular: boolean;
  openedAt: number;
  /** Connections that requests have been given. */
  connections: number;
  /** Undefined: none is open or being opened. */
  spare: Spare | undefined;
}

interface Spare {
  /** Undefined: it is being opened. */
  socket?: Socket;
  /** Ends the watch over the open socket. */
  release?(): void;
  close(): void;
}

export function createConnectionsAhead({
  connect,
  keptMs,
  monotonic = systemClock.monotonic,
}: ConnectionsAheadOptions): ConnectionsAhead {
  const addresses = new Map<string, Address>();
  let isClosed = false;

  function addressOf(origin: string): Address {
    let address = addresses.get(origin);
    if (!address) {
      address = { usedAt: never, isRegular: false, openedAt: never, connections: 0, spare: undefined };
      addresses.set(origin, address);
    }
    return address;
  }

  function open(origin: string): void {
    const address = addressOf(origin);
    const now = monotonic();
    const leftMs = address.usedAt + keptMs - now;
    if (isClosed || address.spare || address.connections > 0) return;
    if (leftMs <= 0 || now - address.openedAt < minLifeMs) return;
    address.openedAt = now;
    const connecting = new AbortController();
    const spare: Spare = { close: () => connecting.abort(new Error("not needed")) };
    address.spare = spare;
    connect(requestFor(origin, connecting.signal), (error, socket) => {
      if (address.spare !== spare) return void socket?.destroy();
      if (error) address.spare = undefined;
      else hold(socket, spare, origin);
    });
  }

  function hold(socket: Socket, spare: Spare, origin: string): void {
    const address = addressOf(origin);
    connectMs.set(socket, monotonic() - address.openedAt);
    spare.socket = socket;
    spare.close = () => socket.destroy();
    const leftMs = Math.max(address.usedAt + keptMs - monotonic(), 0);
    const timer = setTimeout(() => socket.destroy(), leftMs).unref();
    socket.unref();
    socket.on("error", ignore);
    // Nothing was asked: what comes is its end, or a word about that.
    const onReadable = () => socket.destroy();
    const onClose = () => {
      clearTimeout(timer);
      address.spare = undefined;
      open(origin);
    };
    socket.once("readable", onReadable).once("close", onClose);
    spare.release = () => {
      clearTimeout(timer);
      socket.off("readable", onReadable).off("close", onClose);
      socket.ref();
    };
  }

  function take(origin: string): Socket | undefined {
    const address = addresses.get(origin);
    const spare = address?.spare;
    if (!address || !spare?.socket) return undefined;
    const { socket } = spare;
    spare.release?.();
    address.spare = undefined;
    if (socket.writable && socket.readable) return socket;
    socket.destroy();
    return undefined;
  }

  return {
    connect(request, callback) {
      const socket = request.signal?.aborted ? undefined : take(originOf(request));
      // undici takes no connection before it has asked for it to the end.
      if (socket) queueMicrotask(() => callback(null, socket));
      else connect(request, callback);
    },
    used(origin) {
      if (!isWorthIt(origin)) return;
      const address = addressOf(origin);
      const now = monotonic();
      address.isRegular = now - address.usedAt < keptMs;
      address.usedAt = now;
    },
    open(origin) {
      if (isWorthIt(origin)) open(origin);
    },
    connected(origin) {
      if (isWorthIt(origin)) addressOf(origin).connections++;
    },
    disconnected(origin, isByProvider) {
      const address = addresses.get(origin);
      if (!address) return;
      address.connections--;
      if (isByProvider && address.isRegular) open(origin);
    },
    close() {
      isClosed = true;
      for (const { spare } of addresses.values()) spare?.close();
      addresses.clear();
    },
  };
}

function isWorthIt(origin: string): boolean {
  return origin.startsWith("https:");
}

function ignore(): void {}

function originOf({ protocol, host }: buildConnector.Options): string {
  return `${protocol}//${host}`;
}

function requestFor(origin: string, signal: AbortSignal): ConnectRequest {
  const { host, hostname, protocol, port } = new URL(origin);
  return { host, hostname, protocol, port, signal };
}
