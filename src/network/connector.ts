// Makes connections: TCP or a proxy's tunnel, then TLS, all within one time limit.

import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { buildConnector } from "undici";
import { ConnectTimeout, ProxyFault } from "./faults.ts";
import { describeProxy, formatHostPort, type ProxySettings, withoutBrackets } from "./proxy.ts";
import { openTcp } from "./tcp.ts";
import { openTunnel, trust } from "./tunnel.ts";
import { core } from "./undici.ts";

export interface ConnectorOptions {
  /** For name, TCP, the proxy's handshake and TLS together. */
  readonly connectTimeoutMs: number;
  /** The proxy for a target, or undefined for a direct connection. May throw: then nothing is connected. */
  route: (target: { secure: boolean; host: string; port: number }) => ProxySettings | undefined;
  /** Certificates to trust beside the built-in ones. */
  ca?: string;
}

/** `signal` gives the connection up while it is being made; once it is up nothing happens. */
export type ConnectRequest = buildConnector.Options & { signal?: AbortSignal };

export type Connector = (request: ConnectRequest, callback: buildConnector.Callback) => void;

/** An undici connector. Nothing it connects bypasses `route`. */
export function createConnector(options: ConnectorOptions): Connector {
  // Its own time limit is off: it would start anew for TLS when the tunnel is already late.
  const secure = core.buildConnector({ allowH2: false, timeout: 0, ...trust(options.ca) });
  const sessions = createSessionKeeper();
  return ({ signal, ...request }, callback) => {
    const isSecure = request.protocol === "https:";
    const host = withoutBrackets(request.hostname);
    const limitMs = options.connectTimeoutMs;
    const target = { secure: isSecure, host, port: Number(request.port) || (isSecure ? 443 : 80) };
    const limit = new AbortController();
    let proxy: ProxySettings | undefined;
    let raw: Socket | undefined;
    let settled = false;

    const settle = (error: Error | null, socket: Socket | null): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      if (error === null && socket !== null) return callback(null, socket);
      raw?.destroy();
      callback(error ?? new Error("no socket"), null);
    };
    const stop = (reason: Error): void => {
      limit.abort(reason);
      // Not left to the socket: TLS on top of a destroyed one closes without an error, and undici would wait for ever.
      settle(reason, null);
    };
    const onAbort = () => stop(signal?.reason as Error);
    const timer = setTimeout(() => {
      stop(
        describeLateness({
          target,
          proxy,
          tunnelled: raw !== undefined,
          ms: limitMs,
        }),
      );
    }, limitMs);
    if (signal?.aborted) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    const open = async (): Promise<Socket> => {
      proxy = options.route(target);
      return proxy === undefined
        ? openTcp(target, { signal: limit.signal, limitMs })
        : openTunnel(proxy, target, {
            signal: limit.signal,
            limitMs,
            ca: options.ca,
          });
    };

    open().then(
      (socket) => {
        if (settled) return void socket.destroy();
        raw = socket;
        // Until undici listens, an error would have no listener and end the process.
        socket.on("error", ignore);
        socket.setNoDelay(true);
        socket.setKeepAlive(true, keepAliveDelayMs);
        if (!isSecure) return settle(null, socket);
        try {
          const made: unknown = secure(
            { ...request, hostname: host, httpSocket: socket },
            settle as buildConnector.Callback,
          );
          sessions.keep(host, made as TLSSocket);
        } catch (error) {
          settle(error as Error, null);
        }
      },
      (error: Error) => settle(error, null),
    );
  };
}

/** The addresses of an account are few. */
const maxSessions = 8;

/**
 * Keeps the last TLS session of each host alive. undici resumes the session that it has had last, but holds it weakly: the next garbage
 * collection takes it, and the next connection needs a full handshake with all its certificates.
 */
function createSessionKeeper(): { keep(host: string, socket: TLSSocket): void } {
  const kept = new Map<string, Buffer>();
  return {
    keep(host, socket) {
      socket.on("session", (session) => {
        kept.delete(host);
        kept.set(host, session);
        if (kept.size > maxSessions) kept.delete(kept.keys().next().value!);
      });
    },
  };
}

/** Defined out here: as a closure it would keep alive, with every connection, all that its making has used. */
function ignore(): void {}

/** Routers forget idle connections after some minutes; a model may think in silence for longer. */
export const keepAliveDelayMs = 60_000;

interface Lateness {
  target: { host: string; port: number };
  proxy: ProxySettings | undefined;
  tunnelled: boolean;
  ms: number;
}

function describeLateness({ target, proxy, tunnelled, ms }: Lateness): Error {
  const seconds = `${ms / 1000} s`;
  if (proxy !== undefined && !tunnelled) {
    return new ProxyFault(`${describeProxy(proxy)} did not open a tunnel within ${seconds}`);
  }
  return new ConnectTimeout(`no connection to ${formatHostPort(target.host, target.port)} within ${seconds}`);
}
