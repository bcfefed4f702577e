// Opens a TCP tunnel to a target through an account's proxy. Names are resolved by the proxy, never here.

import { isIP, type Socket } from "node:net";
import tls from "node:tls";
import { describeProxyFailure, ProxyFault } from "./faults.ts";
import { http, loadHttps } from "./http.ts";
import { describeProxy, formatHostPort, type ProxySettings } from "./proxy.ts";
import { openSocksTunnel } from "./socks.ts";

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
