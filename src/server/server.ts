// The HTTP server: admits requests, finds their route, and hands them to the pipeline.

import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { allowedMethods, createPathReader, matchRoute, type ReadPath } from "../dialects/registry.ts";
import { RelayError } from "../domain/errors.ts";
import { keepAliveDelayMs } from "../network/connector.ts";
import { http } from "../network/http.ts";
import { isLoopbackHost } from "../network/loopback.ts";
import { authenticate } from "../relay/authenticate.ts";
import { type RelayDeps, ShutdownAbort } from "../relay/exchange.ts";
import { relay } from "../relay/relay.ts";
import { upgradeRequired } from "../sockets/accept-client.ts";
import { createSockets, type SocketLimits, type Sockets } from "../sockets/sockets.ts";
import type { Page } from "../web/page.ts";
import { admit, splitTarget } from "./admission.ts";
import { answerPreflight, corsHeaders, isPreflight } from "./cors.ts";
import { createHttpSink, httpSource } from "./http-client.ts";
import { createOpenAnswers, type OpenAnswers } from "./open-answers.ts";
import { answerOwnRoute } from "./own-routes.ts";
import { checkTransferCoding, noRoute, refuse, refusePath, wrongMethod } from "./refusals.ts";
import { answerInHttp, continueAsHttp, ignore, isWebSocket } from "./upgrade.ts";

export interface RelayServer {
  /** The address that was bound; the port is a real one even if 0 was asked for. */
  readonly address: AddressInfo;
  /** Refuses new connections, waits for open answers at most this long, then breaks them off. Resolves when all are recorded. */
  drain(timeoutMs: number): Promise<void>;
  /** Breaks off what is still open. */
  abortAll(): void;
}

export interface ServerOptions {
  host: string;
  port: number;
  version: string;
  deps: RelayDeps;
  /** `/ui` and `/status`; absent: no such routes. */
  page?: Page;
  /** The usual ones when absent. */
  socketLimits?: Partial<SocketLimits>;
  /** How long a client may take to send the head of a request; the usual time when absent. */
  headTimeoutMs?: number;
}

/** Claude Code's own gateway takes 100 KB of headers. */
const maxHeaderBytes = 256 * 1024;
/** Longer than any client keeps a connection idle, so that the relay is never the one to close it under a request. */
const keepAliveTimeoutMs = 75_000;
/** A head is sent at once; a client that sends none, or half of one, holds a descriptor. */
const usualHeadTimeoutMs = 60_000;

/** Rejects with the system's error when the address cannot be bound. */
export async function startServer(options: ServerOptions): Promise<RelayServer> {
  const { host, port, headTimeoutMs = usualHeadTimeoutMs } = options;
  const front: Front = {
    ...options,
    startedAt: options.deps.now(),
    boundLoopback: isLoopbackHost(host),
    isDraining: false,
    isAborting: false,
    readPath: createPathReader(),
    open: createOpenAnswers(),
    sockets: createSockets({
      deps: options.deps,
      newId: () => requestId(options.deps.now()),
      limits: options.socketLimits ?? {},
    }),
    onceIdle() {},
  };
  const start = (incoming: Incoming) => {
    serve(front, incoming).catch((error: unknown) => {
      // Not even the error could be sent.
      front.deps.log.error({ err: String(error) }, "internal error");
      incoming.response.destroy();
    });
  };
  const server = http.createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      keepAliveTimeout: keepAliveTimeoutMs,
      noDelay: true,
      // A long prompt on a slow line takes its time; one that is too slow is ended by read-body.ts.
      requestTimeout: 0,
      // Counted from the first byte of a head, and on a new connection from its start; without it requestTimeout turns it off.
      headersTimeout: headTimeoutMs,
      connectionsCheckingInterval: Math.ceil(headTimeoutMs / 2),
    },
    (request, response) => start({ request, response }),
  );
  // The body is asked for when the key and the announced size are right. Without it the connection cannot be used again.
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    const { shouldKeepAlive } = response;
    response.shouldKeepAlive = false;
    const onBodyWanted = () => {
      response.shouldKeepAlive = shouldKeepAlive && !front.isDraining;
      response.writeContinue();
    };
    start({ request, response, onBodyWanted });
  });
  // With this listener node:http answers no upgrade by itself any more, whatever it is to.
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (!isWebSocket(request)) return continueAsHttp(server, { request, socket, head });
    socket.on("error", ignore);
    socket.setKeepAlive(true, keepAliveDelayMs);
    const response = new http.ServerResponse(request);
    start({ request, response, upgrade: { socket, head } });
  });
  await listen(server, host, port);
  const abortAll = () => {
    front.isAborting = true;
    for (const { response } of front.open) if (!response.writableFinished) response.socket?.resetAndDestroy();
    server.closeAllConnections();
    front.sockets.abortAll();
  };
  return {
    address: server.address() as AddressInfo,
    async drain(timeoutMs) {
      front.isDraining = true;
      front.sockets.endWhenIdle();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Node keeps a connection whose answer began before the drain for as long as its client does.
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      const timer = setTimeout(abortAll, timeoutMs);
      await closed;
      clearInterval(sweep);
      clearTimeout(timer);
      // Answers that were broken off are still being recorded.
      if (front.open.size > 0) await new Promise<void>((resolve) => (front.onceIdle = resolve));
      await front.sockets.settled();
    },
    abortAll,
  };
}

interface Front extends ServerOptions {
  startedAt: number;
  boundLoopback: boolean;
  isDraining: boolean;
  /** No time is left: what is open is broken off. */
  isAborting: boolean;
  readPath(method: string, path: string): ReadPath;
  /** Of requests that are not over. An answer may be out already while its usage is still being written down. */
  open: OpenAnswers;
  sockets: Sockets;
  onceIdle(): void;
}

/** Connections that wait to be accepted. Node's 511 is not enough when thousands of clients come at once, and the kernel resets the others. */
const backlog = 4096;

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

interface Incoming {
  request: IncomingMessage;
  response: ServerResponse;
  /** See RequestSource; only where the client waits for it. */
  onBodyWanted?: () => void;
  /** The connection, where the client wants to go on in another protocol; the response is not bound to it. */
  upgrade?: { socket: Socket; head: Buffer };
}

async function serve(front: Front, incoming: Incoming): Promise<void> {
  const open = front.open.add(incoming.response);
  try {
    await handle(front, incoming);
  } finally {
    front.open.remove(open);
    if (front.open.size === 0) front.onceIdle();
  }
}

async function handle(front: Front, incoming: Incoming): Promise<void> {
  const { request, response, onBodyWanted, upgrade } = incoming;
  const { deps } = front;
  const target = splitTarget(request.url ?? "/");
  const { path, query } = target;
  const receivedAt = deps.now();
  const id = requestId(receivedAt);
  let cors: string[] = [];
  if (front.isDraining) response.shouldKeepAlive = false;
  try {
    const admission = admit({
      request,
      target,
      config: deps.config(),
      boundLoopback: front.boundLoopback,
      hasPageSession: () => front.page?.isSignedIn(request.headers) ?? false,
    });
    if (admission.kind === "cors") {
      if (isPreflight(request)) return answerPreflight(request, response, admission.origin);
      cors = corsHeaders(admission.origin);
    }
    // A WebSocket's key is checked before its route is looked for.
    const client = upgrade && authenticate(request.headers, query, deps.config());
    const { fault, matched: route } = front.readPath(request.method ?? "GET", path);
    if (fault !== undefined) refusePath(path, fault);
    checkTransferCoding(request);
    if (upgrade && client !== undefined) {
      const matched = matchRoute("POST", path);
      if (matched?.dialect.name !== "openai" || matched.route.operation !== "generate")
        throw upgradeRequired("This path has none");
      return await front.sockets.accept({ ...upgrade, ...matched, id, client, request, query });
    }
    if (!route) {
      if (await front.page?.answer({ request, response, path, query })) return;
      if (await answerOwnRoute({ request, response, path, query, ...front })) return;
      authenticate(request.headers, query, deps.config());
      const methods = allowedMethods(path);
      if (methods.length === 0) throw noRoute(request, path);
      response.setHeader("allow", methods.join(", "));
      throw wrongMethod(request, path, methods);
    }
    if (front.isDraining)
      throw new RelayError("draining", "cc-relay is shutting down; send the request again in a moment.", {
        retryAfterSeconds: 2,
      });
    const left = new AbortController();
    response.on("close", () => {
      if (response.writableFinished) return;
      left.abort(
        front.isAborting ? new ShutdownAbort("the relay goes down") : new Error("the client has left"),
      );
    });
    const ends = {
      source: httpSource(request, onBodyWanted),
      sink: createHttpSink(response, { headers: cors, timers: deps.timers }),
    };
    await relay({ id, ...ends, ...route, query, signal: left.signal, receivedAt }, deps);
  } catch (error) {
    if (upgrade?.socket.destroyed) return;
    if (upgrade) answerInHttp(response, upgrade.socket);
    refuse(deps, { id, request, response, error, path, cors });
  }
}

/** In the order of time, so that the newest rows of the usage table lie together. */
function requestId(now: number): string {
  return `${now.toString(36)}-${randomUUID().slice(0, 13)}`;
}
