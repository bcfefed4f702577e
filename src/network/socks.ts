// Opens a tunnel through a SOCKS5 proxy. The proxy resolves the target's name, never this machine.

import { EventEmitter } from "node:events";
import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import type { SocksProxyAgent } from "socks-proxy-agent";
import { unlessAborted } from "../time/abort.ts";
import { describeProxyFailure, ProxyFault } from "./faults.ts";
import { describeProxy, formatHostPort, type ProxySettings } from "./proxy.ts";
import type { TunnelOptions, TunnelTarget } from "./tunnel.ts";

/** RFC 1928 carries names, user names and passwords in fields of one length byte; the library would throw past our reach. */
const maxSocksFieldBytes = 255;

/**
 * Rejects with a ProxyFault, except for the signal's own reason: that at once, while the library ends its handshake by itself, within
 * `limitMs` at the latest. A tunnel that it opens after all is closed, and nothing has been sent through it.
 */
export async function openSocksTunnel(
  proxy: ProxySettings,
  target: TunnelTarget,
  { signal, limitMs }: TunnelOptions,
): Promise<Socket> {
  for (const field of [proxy.username, proxy.password, target.host]) {
    if (field !== undefined && Buffer.byteLength(field) > maxSocksFieldBytes) {
      throw new ProxyFault(`${describeProxy(proxy)} cannot be given a name or password of over 255 bytes`);
    }
  }
  const agent = await createSocksAgent(proxy, limitMs);
  // The agent wants the ClientRequest only to emit an event on it.
  const request = Object.assign(new EventEmitter(), { destroy() {} }) as unknown as ClientRequest;
  const opening = agent.connect(request, { ...target, secureEndpoint: false });
  try {
    if (!(await unlessAborted(opening, signal))) throw signal.reason;
    const socket = await opening;
    // From here on the agent's limit would be one of idleness, and end a quiet stream.
    return socket.setTimeout(0).removeAllListeners("timeout");
  } catch (error) {
    opening.then(
      (socket) => socket.destroy(),
      () => {},
    );
    if (signal.aborted) throw signal.reason;
    throw readSocksError(proxy, target, error);
  }
}

/** `socks5h` in every case: with `socks5` the agent would resolve the target's name on this machine. */
async function createSocksAgent(proxy: ProxySettings, timeout: number): Promise<SocksProxyAgent> {
  // Loaded with the first SOCKS connection: most relays never make one, and it is a third of the start-up time.
  const { SocksProxyAgent } = await import("socks-proxy-agent");
  const userInfo =
    proxy.username === undefined && proxy.password === undefined
      ? ""
      : `${encode(proxy.username)}:${encode(proxy.password)}@`;
  const agent = new SocksProxyAgent(`socks5h://${userInfo}proxy:${proxy.port}`, { timeout });
  // Set apart: in a URL an IPv6 address keeps its brackets, which no resolver takes.
  agent.proxy.host = proxy.host;
  return agent;
}

function encode(component: string | undefined): string {
  return encodeURIComponent((component ?? "").toWellFormed());
}

/** The library's errors have no code, so their fixed texts are read. */
function readSocksError(proxy: ProxySettings, target: TunnelTarget, error: unknown): ProxyFault {
  const text = error instanceof Error ? error.message : String(error);
  const name = describeProxy(proxy);
  if (/authentication failed/i.test(text)) {
    return new ProxyFault(`${name} refused the user name or password`, error);
  }
  if (/no accepted authentication type/i.test(text)) {
    const given = proxy.username !== undefined;
    return new ProxyFault(
      given ? `${name} does not accept a user name and password` : `${name} demands a user name and password`,
      error,
    );
  }
  if (/invalid socks version/i.test(text)) {
    return new ProxyFault(`${name} does not speak SOCKS5`, error);
  }
  const refusal = /rejected connection - (\w+)/.exec(text)?.[1];
  if (refusal !== undefined) {
    const to = formatHostPort(target.host, target.port);
    // What the library prints of a reply code that it does not know.
    const why = refusal === "undefined" ? "unknown reply" : refusal;
    return new ProxyFault(`${name} could not reach ${to} (${why})`, error);
  }
  return new ProxyFault(describeProxyFailure(proxy, text), error);
}
