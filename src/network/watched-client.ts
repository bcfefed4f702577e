// An undici client for one connection that reports, when an exchange fails, how far it came and whether its connection was stale. A
// connection that is being made for requests that nobody wants any more is closed.

import type { Socket } from "node:net";
import type { Client, Dispatcher } from "undici";
import { systemClock } from "../time/clock.ts";
import { connectMsAhead } from "./connections-ahead.ts";
import type { Connector } from "./connector.ts";
import { describeExchange } from "./faults.ts";
import { core } from "./undici.ts";

/** What a request may say beside undici's own options. */
export interface WatchedDispatch extends Dispatcher.DispatchOptions {
  wanted?: Wanted | undefined;
  /** Called when the kernel has taken the whole request: nothing reads the memory of its body any more. */
  onFlushed?: (() => void) | undefined;
}

/** By which a request says that it is not wanted any more. Before it has a connection, undici cannot be informed. */
export interface Wanted {
  /** Set while it has no connection; to be called then. */
  cancel?: ((reason: unknown) => void) | undefined;
}

export interface WatchedClientParts {
  connect: Connector;
  /** A request goes over it. */
  onUse?: () => void;
  /** The system's unless given. */
  monotonic?: () => number;
}

/** A Client whose errors carry ExchangeFacts. */
export function createWatchedClient(
  origin: URL,
  options: Client.Options,
  { connect, onUse, monotonic = systemClock.monotonic }: WatchedClientParts,
): Client {
  const line: Line = {
    ...{ exchanges: 0, wasIdle: false, roundTripMs: 0, waiting: 0 },
    ...{ connecting: undefined, socket: undefined },
  };
  const client = new core.Client(origin, {
    ...options,
    connect: (request, callback) => {
      const startedAt = monotonic();
      const connecting = new AbortController();
      line.connecting = connecting;
      connect({ ...request, signal: connecting.signal }, (...result) => {
        line.connecting = undefined;
        line.socket = result[1];
        const aheadMs = connectMsAhead(line.socket);
        line.exchanges = 0;
        line.wasIdle = aheadMs !== undefined;
        // Connecting took one round trip at least, so this is the longest one can have been.
        line.roundTripMs = aheadMs ?? monotonic() - startedAt;
        callback(...result);
      });
    },
  });
  const dispatch = client.dispatch.bind(client);
  client.dispatch = (request: WatchedDispatch, handler) => {
    onUse?.();
    return dispatch(
      request,
      new Watch(handler, {
        line,
        monotonic,
        origin: origin.origin,
        wanted: request.wanted,
        onFlushed: request.onFlushed,
      }),
    );
  };
  return client;
}

/** The client's present connection. */
interface Line {
  /** Exchanges begun on it. */
  exchanges: number;
  /** It was open before its first exchange. */
  wasIdle: boolean;
  roundTripMs: number;
  /** Wanted requests that have no connection yet. */
  waiting: number;
  /** Closes the connection that is being made; undefined: there is no such connection. */
  connecting: AbortController | undefined;
  /** Undefined, or null after a failure: there is none yet. */
  socket: Socket | null | undefined;
}

interface Watched {
  line: Line;
  monotonic: () => number;
  /** scheme://host[:port] */
  origin: string;
  wanted: Wanted | undefined;
  onFlushed: (() => void) | undefined;
}

/**
 * A server that closes an idle connection while our request is under way to it: we hear of that one round trip after
 * sending at the latest. A close that comes later may be the answer of a server that read the request and died over it.
 */
const minStaleMs = 50;

class Watch implements Dispatcher.DispatchHandler {
  readonly #inner: Dispatcher.DispatchHandler;
  readonly #line: Line;
  readonly #monotonic: () => number;
  readonly #origin: string;
  readonly #wanted: Wanted | undefined;
  readonly #onFlushed: (() => void) | undefined;
  #isWaiting = true;
  #stage: "connecting" | "sent" | "answering" = "connecting";
  #sentAt = 0;
  #reused = false;

  constructor(inner: Dispatcher.DispatchHandler, { line, monotonic, origin, wanted, onFlushed }: Watched) {
    this.#inner = inner;
    this.#line = line;
    this.#monotonic = monotonic;
    this.#origin = origin;
    this.#wanted = wanted;
    this.#onFlushed = onFlushed;
    line.waiting += 1;
    if (wanted) wanted.cancel = (reason) => this.#cancel(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#stopWaiting();
    this.#stage = "sent";
    this.#sentAt = this.#monotonic();
    this.#reused = this.#line.wasIdle || this.#line.exchanges > 0;
    this.#line.exchanges += 1;
    this.#inner.onRequestStart?.(controller, context);
  }

  onRequestUpgrade(
    ...upgrade: Parameters<NonNullable<Dispatcher.DispatchHandler["onRequestUpgrade"]>>
  ): void {
    this.#inner.onRequestUpgrade?.(...upgrade);
  }

  onResponseStarted(): void {
    this.#stage = "answering";
    this.#inner.onResponseStarted?.();
  }

  onResponseStart(...head: Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>): void {
    this.#stage = "answering";
    this.#inner.onResponseStart?.(...head);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#inner.onResponseData?.(controller, chunk);
  }

  onResponseEnd(...end: Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseEnd"]>>): void {
    this.#inner.onResponseEnd?.(...end);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.#stopWaiting();
    describeExchange(error, { origin: this.#origin, stage: this.#stage, stale: this.#isStale(error) });
    this.#inner.onResponseError?.(controller, error);
  }

  onBodySent(chunk: Buffer): void {
    this.#inner.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#inner.onRequestSent?.();
    const { socket } = this.#line;
    if (!this.#onFlushed || !socket) return;
    if (socket.writableLength === 0) this.#onFlushed();
    else socket.once("drain", this.#onFlushed);
  }

  /** The connection is closed with the last request that waits for it. */
  #cancel(reason: unknown): void {
    this.#stopWaiting();
    if (this.#line.waiting === 0) this.#line.connecting?.abort(reason);
  }

  #stopWaiting(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#line.waiting -= 1;
    if (this.#wanted) this.#wanted.cancel = undefined;
  }

  #isStale(error: Error): boolean {
    if (this.#stage !== "sent" || !this.#reused) return false;
    const { code } = error as { code?: unknown };
    if (code !== "UND_ERR_SOCKET" && code !== "ECONNRESET" && code !== "EPIPE") return false;
    return this.#monotonic() - this.#sentAt <= Math.max(minStaleMs, this.#line.roundTripMs);
  }
}
