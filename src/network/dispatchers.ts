// One undici dispatcher per account: its connections, its proxy, and nothing shared with any other account.

import type { Agent, buildConnector, Client, Dispatcher } from "undici";
import { type ConnectionsAhead, createConnectionsAhead } from "./connections-ahead.ts";
import { type Connector, createConnector } from "./connector.ts";
import { type EnvironmentProxySettings, environmentProxyFor } from "./environment-proxy.ts";
import type { ProxySettings } from "./proxy.ts";
import { core } from "./undici.ts";
import { createWatchedClient } from "./watched-client.ts";

export interface DispatcherOptions {
  /** For name resolution, TCP, the proxy's handshake and TLS together. Read anew for every connection. */
  readonly connectTimeoutMs: number;
  /** Proxies of the environment, for accounts that have none of their own. */
  environmentProxy?: EnvironmentProxySettings;
  /** A PEM certificate to trust beside those Node trusts. */
  ca?: string;
}

export interface Dispatchers {
  /**
   * The account's dispatcher, made at its first use. An account with a proxy never connects without it: a proxy that fails
   * fails the request. The caller neither closes nor keeps it, but asks again for every request.
   */
  for(accountId: string, proxy: ProxySettings | undefined): Dispatcher;
  /** Opens a connection to the address (scheme://host[:port]) in the background, if it is one over TLS and has none open. */
  openAhead(accountId: string, proxy: ProxySettings | undefined, origin: string): void;
  /** Makes single connections as the account's dispatcher does, for what is no HTTP request: TLS sessions are resumed by both. */
  connector(accountId: string, proxy: ProxySettings | undefined): buildConnector.connector;
  /** Closes what belongs to no account any more, or to a proxy that an account had before. Requests under way are finished. */
  retain(accounts: Iterable<{ id: string; proxy: ProxySettings | undefined }>): void;
  /** Destroys every connection. */
  close(): Promise<void>;
}

/** How an account's connections are made, and those that are for HTTP. */
interface Way {
  connect: buildConnector.connector;
  agent: Agent;
  ahead: ConnectionsAhead;
}

export function createDispatchers(options: DispatcherOptions): Dispatchers {
  const open = new Map<string, Way>();
  const closing = new Set<Agent>();
  const wayOf = (accountId: string, proxy: ProxySettings | undefined) => {
    const key = keyOf(accountId, proxy);
    let way = open.get(key);
    if (way === undefined) {
      way = createWay(connectorThrough(proxy, options));
      open.set(key, way);
    }
    return way;
  };
  return {
    for: (accountId, proxy) => wayOf(accountId, proxy).agent,
    openAhead(accountId, proxy, origin) {
      const { ahead } = wayOf(accountId, proxy);
      ahead.used(origin);
      ahead.open(origin);
    },
    connector: (accountId, proxy) => wayOf(accountId, proxy).connect,
    retain(accounts) {
      const kept = new Set<string>();
      for (const account of accounts) kept.add(keyOf(account.id, account.proxy));
      for (const [key, { agent, ahead }] of open) {
        if (kept.has(key)) continue;
        open.delete(key);
        ahead.close();
        closing.add(agent);
        agent.close().finally(() => closing.delete(agent));
      }
    },
    async close() {
      for (const { ahead } of open.values()) ahead.close();
      const agents = [...[...open.values()].map(({ agent }) => agent), ...closing];
      open.clear();
      await Promise.all(agents.map((agent) => agent.destroy()));
    },
  };
}

/**
 * An idle connection is kept longer than a person thinks between two prompts, unless its provider says that it will close it sooner;
 * one that died meanwhile is found out within 70 s by TCP's own probes (see connector.ts). undici's 4 s would cost a handshake
 * for nearly every prompt.
 */
const keepAliveMs = 11 * 60_000;
/** So many to one address. What a burst has opened beyond them goes after 30 s. */
const maxKept = 8;
const burstKeepAliveMs = 30_000;

function createWay(connect: Connector): Way {
  const ahead = createConnectionsAhead({ connect, keptMs: keepAliveMs });
  const agent = createAgent(ahead);
  agent.on("connect", ({ origin }) => ahead.connected(origin));
  agent.on("disconnect", ({ origin }, _, error) => ahead.disconnected(origin, isClosedByProvider(error)));
  return { connect, agent, ahead };
}

/** Not by us, for it was idle too long. */
function isClosedByProvider({ code }: Error & { code?: string }): boolean {
  return code === "UND_ERR_SOCKET" || code === "ECONNRESET";
}

function createAgent(ahead: ConnectionsAhead): Agent {
  const { connect } = ahead;
  return new core.Agent({
    // HTTP/2 would put every request of an account on one connection and change the order and case of its headers. One stream at a
    // time, which is the usual case, costs more in it; only many in bursts cost less (test/bench/http2.ts).
    allowH2: false,
    pipelining: 1,
    keepAliveMaxTimeout: keepAliveMs,
    // The relay has timers of its own, which know what a ping is.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect,
    factory: (origin, agentOptions) => {
      // A pool asks its clients in the order in which they were made, and keeps them when their connections are gone.
      let made = 0;
      return new core.Pool(origin, {
        ...agentOptions,
        factory: (url, clientOptions) => {
          const { origin: address } = url;
          const keepAliveTimeout = made++ < maxKept ? keepAliveMs : burstKeepAliveMs;
          return createWatchedClient(
            url,
            { ...(clientOptions as Client.Options), keepAliveTimeout },
            { connect, onUse: () => ahead.used(address) },
          );
        },
      });
    },
  });
}

function connectorThrough(proxy: ProxySettings | undefined, options: DispatcherOptions): Connector {
  return createConnector({
    get connectTimeoutMs() {
      return options.connectTimeoutMs;
    },
    route: (target) => proxy ?? environmentProxyFor(target, options.environmentProxy),
    ca: options.ca,
  });
}

/** A changed proxy is another key, so that a request that began before a reload cannot close what came after it. */
function keyOf(accountId: string, proxy: ProxySettings | undefined): string {
  if (proxy === undefined) return accountId;
  const { type, host, port, username, password } = proxy;
  // No id begins like this.
  return JSON.stringify([accountId, type, host, port, username, password]);
}
