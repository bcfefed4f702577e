// The WebSockets that are open through the relay: which ones are accepted, and when they are ended.

import type { Duplex } from "node:stream";
import type { Config } from "../config/config.ts";
import { readOpeningModel } from "../dialects/openai-frame.ts";
import type { Call } from "../domain/call.ts";
import { RelayError, stackOf } from "../domain/errors.ts";
import { closeTimeoutMs } from "../network/web-socket.ts";
import { Attempts } from "../relay/attempts.ts";
import { findClient } from "../relay/authenticate.ts";
import type { BodyStall } from "../relay/body-stall.ts";
import type { RelayDeps } from "../relay/exchange.ts";
import { sendWithFailover } from "../relay/failover.ts";
import type { Served } from "../relay/failover-state.ts";
import { isRenamed } from "../relay/model-chain.ts";
import { readRequest } from "../relay/read-request.ts";
import { timeLimit } from "../time/abort.ts";
import { acceptClient, checkHandshake, type Upgrade, upgradeRequired } from "./accept-client.ts";
import { type Opening, SocketConnection } from "./connection.ts";
import { createDepartures } from "./departures.ts";
import { createEndpoints } from "./endpoints.ts";
import { closeCodes, type SocketSinkOptions } from "./socket-sink.ts";
import { openLine } from "./transports.ts";

export interface SocketLimits {
  /** All dialling for one client: Codex stops waiting after 15 s. */
  openingTimeoutMs: number;
  /** The provider ends a socket after 60 minutes, in the middle of an answer. */
  retireAfterMs: number;
  /** How often ages and the configuration are looked at. */
  sweepMs: number;
  maxPerClient: number;
  /** A client that does not answer a close is disconnected after this time. */
  closeTimeoutMs: number;
  sink?: SocketSinkOptions;
  /** Of a frame that does not come to its end. */
  stall?: BodyStall;
}

const usualLimits: SocketLimits = {
  openingTimeoutMs: 12_000,
  retireAfterMs: 55 * 60_000,
  sweepMs: 1000,
  maxPerClient: 4096,
  closeTimeoutMs,
};

export interface Sockets {
  readonly count: number;
  /**
   * Opens the provider's side first, then accepts the client. Throws RelayError where the client is to be answered in HTTP:
   * `upgrade_required` makes Codex go there at once.
   */
  accept(upgrade: Upgrade): Promise<void>;
  /** Ends what is idle now, and the others as soon as they are. */
  endWhenIdle(): void;
  /** Breaks off what is open. */
  abortAll(): void;
  /** Resolves when none is open and all that was under way is recorded. */
  settled(): Promise<void>;
}

export interface SocketsOptions {
  deps: RelayDeps;
  newId(): string;
  limits?: Partial<SocketLimits>;
}

export function createSockets({ deps, newId, limits: given }: SocketsOptions): Sockets {
  const limits = { ...usualLimits, ...given };
  const open = new Set<SocketConnection>();
  const endpoints = createEndpoints(deps.now);
  const departures = createDepartures();
  let isDraining = false;
  let onceSettled = () => {};
  let sweeping: NodeJS.Timeout | undefined;
  /** Those that every open connection has been held to. */
  let { apiKeys: knownKeys } = deps.config();

  function sweep(): void {
    for (const connection of open) if (!isWanted(connection)) connection.retire(closeCodes.restart);
    knownKeys = deps.config().apiKeys;
  }

  function isWanted({ line, opening, accountId }: SocketConnection): boolean {
    const { upstream, apiKeys } = deps.config();
    if (apiKeys !== knownKeys && !hasItsKey(opening, apiKeys)) return false;
    if (deps.now() - (line.openedAt ?? deps.now()) >= limits.retireAfterMs || !upstream.websocket)
      return false;
    if (accountId === undefined) return true;
    const account = deps.pool.account(accountId);
    // Pass-through has no account, and no settings of its own.
    if (account === undefined)
      return !deps.pool.accounts.some((other) => other.config.family === opening.dialect.family);
    return account.config.enabled && !line.isOutdated(account.config);
  }

  function add(connection: SocketConnection): void {
    open.add(connection);
    sweeping ??= setInterval(sweep, limits.sweepMs).unref();
  }

  function remove(connection: SocketConnection): void {
    open.delete(connection);
    if (open.size > 0) return;
    clearInterval(sweeping);
    sweeping = undefined;
    onceSettled();
  }

  function checkRoom(client: string): void {
    if (isDraining)
      throw new RelayError("draining", "cc-relay is shutting down; connect again in a moment.", {
        retryAfterSeconds: 2,
      });
    let count = 0;
    for (const { opening } of open) if (opening.client === client) count++;
    if (count >= limits.maxPerClient)
      throw upgradeRequired(`The key ${client} has ${count} sockets open already`);
  }

  return {
    get count() {
      return open.size;
    },

    async accept(upgrade) {
      const { client, request, query, dialect } = upgrade;
      if (!deps.config().upstream.websocket)
        throw upgradeRequired("upstream.websocket is false in config.toml");
      checkHandshake(request);
      checkRoom(client);
      const { headers, rawHeaders } = request;
      const route = { ...upgrade.route, isStreamed: true };
      const call = await readOpening({ ...upgrade, route }, deps);
      if (isRenamed(call, deps.config()))
        throw upgradeRequired("[models] puts another name in the place of this model");
      const connection = new SocketConnection({
        opening: { headers, rawHeaders, query, dialect, route, client, sessionKey: call.sessionKey },
        ...{ deps, endpoints, departures, newId },
        ...(limits.sink && { sink: limits.sink }),
        ...(limits.stall && { stall: limits.stall }),
        isWanted: () => isWanted(connection),
        onEnd: () => remove(connection),
      });
      // Counted from now on: many that are being opened at once are many, too.
      add(connection);
      const presence = watchPresence(upgrade.socket);
      try {
        const budgeted = { ...call, headerBudgetMs: limits.openingTimeoutMs };
        const served = await dial(budgeted, connection, { ...limits, signal: presence.signal }, deps);
        // Loaded with the first client: most relays never have one.
        const { WebSocketServer } = await import("ws");
        if (isDraining) throw upgradeRequired("cc-relay is shutting down");
        presence.signal.throwIfAborted();
        const socket = acceptClient(WebSocketServer, upgrade, served, {
          deps,
          closeTimeoutMs: limits.closeTimeoutMs,
        });
        connection.begin({ socket, connection: upgrade.socket });
      } catch (error) {
        connection.line.abandon();
        remove(connection);
        throw asRefusal(error, upgrade.id, deps);
      } finally {
        presence.end();
      }
    },

    endWhenIdle() {
      isDraining = true;
      for (const connection of open) connection.retire(closeCodes.restart);
    },

    abortAll() {
      for (const connection of open) connection.abort();
    },

    settled() {
      if (open.size === 0) return Promise.resolve();
      return new Promise((resolve) => (onceSettled = resolve));
    },
  };
}

/** Whether the key that it was opened with is still its client's. */
function hasItsKey({ headers, query, client }: Opening, apiKeys: Config["apiKeys"]): boolean {
  return apiKeys.length === 0 || findClient(headers, query, apiKeys) === client;
}

/** The call that the upgrade request would be: it names the session, and mostly the model. */
async function readOpening(
  { id, request, query, client, dialect, route }: Upgrade,
  deps: RelayDeps,
): Promise<Call> {
  const { headers, rawHeaders } = request;
  const { signal } = new AbortController();
  const share = deps.memory.open(signal);
  const source = { method: "GET", headers, rawHeaders, body: undefined };
  const { maxBodyBytes } = deps.config().server;
  const call = await readRequest(
    { id, source, dialect, route, query, signal },
    { ...deps, client, share, maxBodyBytes },
  );
  share.release();
  return { ...call, model: readOpeningModel(headers) };
}

/** Aborts when the client's connection closes. */
function watchPresence(socket: Duplex): { signal: AbortSignal; end(): void } {
  const presence = new AbortController();
  const leave = () => presence.abort(upgradeRequired("The client has left"));
  if (socket.destroyed) leave();
  socket.once("close", leave);
  return { signal: presence.signal, end: () => void socket.off("close", leave) };
}

async function dial(
  call: Call,
  connection: SocketConnection,
  { openingTimeoutMs, signal: left }: SocketLimits & { signal: AbortSignal },
  deps: RelayDeps,
): Promise<Served> {
  const { signal, clear } = timeLimit(openingTimeoutMs, left);
  const request = {
    pinned: connection.opening.headers["x-cc-relay-account"]?.toString(),
    signal,
    attempts: new Attempts({ call, events: deps.events, monotonic: deps.monotonic }),
    transport: openLine(connection.line),
    connection,
  };
  return await sendWithFailover(call, request, deps).finally(clear);
}

/** Whatever keeps every account from being dialled, HTTP says it best, with its own waits and failover. */
function asRefusal(error: unknown, request: string, { log }: Pick<RelayDeps, "log">): RelayError {
  if (error instanceof RelayError) {
    return error.code === "upgrade_required"
      ? error
      : upgradeRequired(error.message.replace(/\.$/, ""), error);
  }
  const isLate = error instanceof Error && error.name === "TimeoutError";
  if (!isLate) log.error({ request, err: stackOf(error) }, "internal error");
  return upgradeRequired(
    isLate ? "No account's provider opened one in time" : "No account's provider opened one",
    error,
  );
}
