// Dispatchers with what they lead to: upstreams and proxies on this machine. A file's `after(closeAll)` ends it all.

import assert from "node:assert/strict";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { type Dispatcher, request } from "undici";
import { createDispatchers, type DispatcherOptions } from "../../src/network/dispatchers.ts";
import { readNetworkFault } from "../../src/network/faults.ts";
import type { ProxySettings } from "../../src/network/proxy.ts";
import { makeCertificate } from "../support/certificate.ts";
import {
  startConnectProxy,
  startSocksProxy,
  type TestProxy,
  type TestProxyOptions,
} from "../support/proxies.ts";

const closers: (() => Promise<unknown> | unknown)[] = [];

/** What was started last goes first. */
export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

/** For what a file starts by itself. */
export function closeAfterwards(close: () => Promise<unknown> | unknown): void {
  closers.push(close);
}

const certificate = makeCertificate(["upstream.test", "localhost", "127.0.0.1"]);

interface Upstream {
  port: number;
  connections: number;
  requests: http.IncomingMessage[];
}

export async function startUpstream(
  options: { secure?: boolean; handler?: http.RequestListener } = {},
): Promise<Upstream> {
  const upstream: Upstream = { port: 0, connections: 0, requests: [] };
  const listener: http.RequestListener = (request, response) => {
    upstream.requests.push(request);
    if (options.handler) options.handler(request, response);
    else response.end("hello");
  };
  const server = options.secure ? https.createServer(certificate, listener) : http.createServer(listener);
  server.on("connection", () => {
    upstream.connections += 1;
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  upstream.port = (server.address() as AddressInfo).port;
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return upstream;
}

export function dispatchers(options: Partial<DispatcherOptions> = {}) {
  const made = createDispatchers({ connectTimeoutMs: 5000, ca: certificate.cert, ...options });
  closers.push(() => made.close());
  return made;
}

export async function proxyOf(
  type: ProxySettings["type"],
  options: TestProxyOptions = {},
): Promise<TestProxy> {
  const proxy =
    type === "socks5" || type === "socks5h"
      ? await startSocksProxy(options)
      : await startConnectProxy({ ...options, ...(type === "https" ? { tls: certificate } : {}) });
  closers.push(() => proxy.close());
  return proxy;
}

export async function get(dispatcher: Dispatcher, origin: string, headers: string[] = []): Promise<string> {
  const answer = await request(origin, { dispatcher, headers });
  return answer.body.text();
}

export async function faultOf(work: Promise<unknown>) {
  const error = await work.then(
    () => assert.fail("the request should have failed"),
    (reason: unknown) => reason,
  );
  return readNetworkFault(error);
}
