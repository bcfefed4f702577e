// Opens a TCP tunnel to a target through an account's proxy. Names are resolved by the proxy, never here.

import { EventEmitter } from "node:events";
import type { ClientRequest } from "node:http";
import { isIP, type Socket } from "node:net";
import tls from "node:tls";
import type { SocksProxyAgent } from "socks-proxy-agent";
import { unlessAborted } from "../time/abort.ts";
import { ProxyFault } from "./faults.ts";
import { http, loadHttps } from "./http.ts";
import { describeProxy, formatHostPort, type ProxySettings } from "./proxy.ts";

export interface TunnelTarget {
  host: string;
  port: number;
}

export interface TunnelOptions {
  /** Ends the attempt; whatever arrives later is destroyed. */
  signal: AbortSignal;
  /** When the signal comes at the latest: not every handshake can be ended earlier. */
  limitMs: number;
  /** Certificates to trust beside the built-in ones, for an https proxy. */
  ca?: string;
}

/** Rejects with a ProxyFault, except for the signal's own reason. */
export function openTunnel(
  proxy: ProxySettings,
  target: TunnelTarget,
  options: TunnelOptions,
): Promise<Socket> {
  return proxy.type === "socks5" || proxy.type === "socks5h"
    ? openSocksTunnel(proxy, target, options)
    : openConnectTunnel(proxy, target, options);
}

/** TLS options that trust `ca` beside what Node trusts (which `ca` alone would replace). */
export function trust(ca: string | undefined): { ca?: string[] } {
  return ca === undefined ? {} : { ca: [...tls.getCACertificates("default"), ca] };
}

/** RFC 1928 carries names, user names and passwords in fields of one length byte; the library would throw past our reach. */
const maxSocksFieldBytes = 255;

async function openSocksTunnel(
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
  const refusal = /rejected connection - (\w+)/.exec(text)?.[1];
  if (refusal !== undefined) {
    const to = formatHostPort(target.host, target.port);
    return new ProxyFault(`${name} could not reach ${to} (${refusal})`, error);
  }
  return new ProxyFault(describeProxyFailure(proxy, text), error);
}

function openConnectTunnel(
  proxy: ProxySettings,
  target: TunnelTarget,
  options: TunnelOptions,
): Promise<Socket> {
  const authority = formatHostPort(target.host, target.port);
  return new Promise((resolve, reject) => {
    const request = (proxy.type === "https" ? loadHttps() : http).request({
      method: "CONNECT",
      host: proxy.host,
      port: proxy.port,
      path: authority,
      setHost: false,
      headers: {
        host: authority,
        // Without it node:http writes "connection: close", which some proxies apply to the tunnel.
        connection: "keep-alive",
        "proxy-connection": "keep-alive",
        ...proxyAuthorization(proxy),
      },
      agent: false,
      signal: options.signal,
      ...(proxy.type === "https"
        ? { ...trust(options.ca), servername: isIP(proxy.host) ? "" : proxy.host }
        : {}),
    });
    request.once("connect", (response, socket, head) => {
      const status = response.statusCode ?? 0;
      if (status < 200 || status > 299) {
        socket.on("error", () => {}).destroy();
        reject(readConnectRefusal(proxy, authority, status));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket as Socket);
    });
    request.on("error", (error) => {
      if (options.signal.aborted) reject(options.signal.reason);
      else reject(new ProxyFault(describeProxyFailure(proxy, error), error));
    });
    request.end();
  });
}

function proxyAuthorization(proxy: ProxySettings): Record<string, string> {
  if (proxy.username === undefined && proxy.password === undefined) return {};
  const pair = Buffer.from(`${proxy.username ?? ""}:${proxy.password ?? ""}`, "utf8");
  return { "proxy-authorization": `Basic ${pair.toString("base64")}` };
}

function readConnectRefusal(proxy: ProxySettings, authority: string, status: number): ProxyFault {
  const name = describeProxy(proxy);
  // tinyproxy says 401 to a wrong password.
  if (status === 407 || status === 401) {
    const given = proxy.username !== undefined || proxy.password !== undefined;
    return new ProxyFault(
      given
        ? `${name} refused the user name or password (${status})`
        : `${name} demands a user name and password (${status})`,
    );
  }
  if (status === 403 || status === 405) {
    return new ProxyFault(`${name} does not allow a connection to ${authority} (${status})`);
  }
  return new ProxyFault(`${name} could not reach ${authority} (${status})`);
}

function describeProxyFailure(proxy: ProxySettings, error: unknown): string {
  const text = typeof error === "string" ? error : describeCode(error);
  const name = describeProxy(proxy);
  if (/ECONNREFUSED/.test(text)) return `${name} refused the connection`;
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return `the name of ${name} could not be resolved`;
  if (/timed out|ETIMEDOUT/i.test(text)) return `${name} did not answer in time`;
  if (/socket closed|socket hang up|ECONNRESET|EPIPE/i.test(text)) {
    return `${name} closed the connection instead of opening a tunnel`;
  }
  if (/CERT|ERR_TLS|ERR_SSL|SELF_SIGNED|UNABLE_TO|EPROTO/.test(text)) {
    return `the TLS connection to ${name} failed (${/[A-Z][A-Z_0-9]{5,}/.exec(text)?.[0] ?? "TLS"})`;
  }
  return `${name} did not open a tunnel`;
}

/** The codes of an error; several where several addresses were tried. */
function describeCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.map(describeCode).join(" ");
  }
  if (!(error instanceof Error)) return "";
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? `${code} ${error.message}` : error.message;
}
