// Real proxies for tests: SOCKS5 (RFC 1928, 1929) and HTTP CONNECT on loopback, written against the RFCs rather than with the
// libraries under test. They count connections and write down what they were asked to reach.

import http from "node:http";
import https from "node:https";
import net, { type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";

export interface TestProxy {
  readonly port: number;
  /** Connections accepted from clients. */
  readonly connections: number;
  /** Those that are not closed. */
  readonly openConnections: number;
  /** `host:port` as the client named it, one per tunnel that was asked for. */
  readonly targets: string[];
  /** `user:password` of every attempt to authenticate. */
  readonly credentials: string[];
  /** What the proxy does with the next tunnels. */
  behaviour: ProxyBehaviour;
  close(): Promise<void>;
}

export type ProxyBehaviour =
  | { kind: "tunnel" }
  /** SOCKS: the reply code. CONNECT: the status. */
  | { kind: "refuse"; code: number }
  /** Accepts the connection and never answers. */
  | { kind: "stall" }
  /** Accepts the connection and closes it. */
  | { kind: "hang-up" };

export interface TestProxyOptions {
  /** Demanded when given. */
  username?: string;
  password?: string;
  /** Where a name leads that only the proxy knows; every other target is reached as it is named. */
  resolve?: (host: string) => string;
  /** CONNECT only: speak TLS to the client. */
  tls?: { key: string; cert: string };
}

export async function startSocksProxy(options: TestProxyOptions = {}): Promise<TestProxy> {
  const server = net.createServer();
  const proxy = await listen(server);
  server.on("connection", (socket) => {
    proxy.state.connections += 1;
    serveSocks(socket, proxy.handle, options).catch(() => socket.destroy());
  });
  return proxy.handle;
}

export async function startConnectProxy(options: TestProxyOptions = {}): Promise<TestProxy> {
  const server = options.tls === undefined ? http.createServer() : https.createServer(options.tls);
  const proxy = await listen(server);
  server.on(options.tls === undefined ? "connection" : "secureConnection", () => {
    proxy.state.connections += 1;
  });
  server.on("request", (_request, response) => response.writeHead(405).end());
  server.on("connect", (request, socket, head) =>
    serveConnect({ request, socket, head }, proxy.handle, options),
  );
  return proxy.handle;
}

interface Listening {
  handle: TestProxy;
  state: { connections: number };
}

async function listen(server: net.Server): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const state = { connections: 0 };
  const handle: TestProxy = {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return state.connections;
    },
    get openConnections() {
      return sockets.size;
    },
    targets: [],
    credentials: [],
    behaviour: { kind: "tunnel" },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return { handle, state };
}

async function serveSocks(socket: Socket, proxy: TestProxy, options: TestProxyOptions): Promise<void> {
  // Read, for else the client's end of the connection would not be noticed.
  if (proxy.behaviour.kind === "stall") return void socket.resume();
  if (proxy.behaviour.kind === "hang-up") {
    socket.destroy();
    return;
  }
  const read = createReader(socket);
  const [version, count] = await read(2);
  if (version !== 5) throw new Error("not SOCKS5");
  const methods = [...(await read(count!))];
  const wanted = options.username === undefined ? 0 : 2;
  if (!methods.includes(wanted)) {
    socket.end(Buffer.from([5, 0xff]));
    return;
  }
  socket.write(Buffer.from([5, wanted]));
  if (wanted === 2 && !(await isAuthenticated(socket, read, proxy, options))) return;

  const [, , , addressType] = await read(4);
  const host = await readAddress(addressType!, read);
  const port = (await read(2)).readUInt16BE();
  proxy.targets.push(`${host}:${port}`);
  if (proxy.behaviour.kind === "refuse") {
    socket.end(Buffer.from([5, proxy.behaviour.code, 0, 1, 0, 0, 0, 0, 0, 0]));
    return;
  }
  const upstream = net.connect(port, options.resolve?.(host) ?? host);
  upstream.on("error", () => socket.destroy());
  upstream.once("connect", () => {
    socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]));
    join(socket, upstream, read.remaining());
  });
}

async function isAuthenticated(
  socket: Socket,
  read: Reader,
  proxy: TestProxy,
  options: TestProxyOptions,
): Promise<boolean> {
  const [, userLength] = await read(2);
  const user = (await read(userLength!)).toString("utf8");
  const [passwordLength] = await read(1);
  const password = (await read(passwordLength!)).toString("utf8");
  proxy.credentials.push(`${user}:${password}`);
  const good = user === options.username && password === (options.password ?? "");
  if (good) socket.write(Buffer.from([1, 0]));
  else socket.end(Buffer.from([1, 1]));
  return good;
}

async function readAddress(type: number, read: Reader): Promise<string> {
  if (type === 1) return [...(await read(4))].join(".");
  if (type === 3) return (await read((await read(1))[0]!)).toString("latin1");
  const groups = (await read(16)).toString("hex").match(/.{4}/g) ?? [];
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":");
}

interface Connect {
  request: http.IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

function serveConnect({ request, socket, head }: Connect, proxy: TestProxy, options: TestProxyOptions): void {
  socket.on("error", () => {});
  // Read, for else the client's end of the connection would not be noticed.
  if (proxy.behaviour.kind === "stall") return void socket.resume().once("end", () => socket.end());
  if (proxy.behaviour.kind === "hang-up") {
    socket.destroy();
    return;
  }
  const sent = /^Basic (.+)$/.exec(request.headers["proxy-authorization"] ?? "")?.[1];
  if (sent !== undefined) proxy.credentials.push(Buffer.from(sent, "base64").toString("utf8"));
  if (options.username !== undefined) {
    const wanted = `${options.username}:${options.password ?? ""}`;
    if (sent === undefined || Buffer.from(sent, "base64").toString("utf8") !== wanted) {
      socket.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\n\r\n',
      );
      return;
    }
  }
  const target = request.url ?? "";
  proxy.targets.push(target);
  if (proxy.behaviour.kind === "refuse") {
    socket.end(`HTTP/1.1 ${proxy.behaviour.code} Refused\r\nContent-Length: 0\r\n\r\n`);
    return;
  }
  const { hostname, port } = new URL(`http://${target}`);
  const host = hostname.replace(/^\[|\]$/g, "");
  const upstream = net.connect(Number(port || 80), options.resolve?.(host) ?? host);
  upstream.on("error", () => socket.destroy());
  upstream.once("connect", () => {
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    join(socket, upstream, head);
  });
}

function join(client: Duplex, upstream: Socket, early: Buffer): void {
  if (early.length > 0) upstream.write(early);
  client.pipe(upstream).pipe(client);
  client.on("close", () => upstream.destroy());
  upstream.on("close", () => client.destroy());
}

interface Reader {
  (length: number): Promise<Buffer>;
  /** Stops reading; returns what came beyond what was asked for. */
  remaining(): Buffer;
}

function createReader(socket: Socket): Reader {
  let buffered: Buffer = Buffer.alloc(0);
  let waiting: { length: number; resolve: (bytes: Buffer) => void } | undefined;
  const serve = () => {
    if (waiting === undefined || buffered.length < waiting.length) return;
    const { length, resolve } = waiting;
    waiting = undefined;
    const bytes = buffered.subarray(0, length);
    buffered = buffered.subarray(length);
    resolve(bytes);
  };
  const onData = (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk]);
    serve();
  };
  socket.on("data", onData);
  const read = (length: number) =>
    new Promise<Buffer>((resolve) => {
      waiting = { length, resolve };
      serve();
    });
  return Object.assign(read, {
    remaining() {
      socket.off("data", onData);
      return buffered;
    },
  });
}
