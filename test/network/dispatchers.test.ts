import assert from "node:assert/strict";
import http from "node:http";
import https from "node:https";
import net, { type AddressInfo, type Socket } from "node:net";
import { after, test } from "node:test";
import { type Dispatcher, request } from "undici";
import { createDispatchers, type DispatcherOptions } from "../../src/network/dispatchers.ts";
import { readNetworkFault } from "../../src/network/faults.ts";
import type { ProxySettings } from "../../src/network/proxy.ts";
import { makeCertificate } from "../support/certificate.ts";
import { patient } from "../support/patience.ts";
import {
  startConnectProxy,
  startSocksProxy,
  type TestProxy,
  type TestProxyOptions,
} from "../support/proxies.ts";
import { startTcpServer } from "../support/tcp-server.ts";
import { until } from "../support/until.ts";

const closers: (() => Promise<unknown> | unknown)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

const certificate = makeCertificate(["upstream.test", "localhost", "127.0.0.1"]);

interface Upstream {
  port: number;
  connections: number;
  requests: http.IncomingMessage[];
}

async function startUpstream(
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

function dispatchers(options: Partial<DispatcherOptions> = {}) {
  const made = createDispatchers({ connectTimeoutMs: 5000, ca: certificate.cert, ...options });
  closers.push(() => made.close());
  return made;
}

async function proxyOf(type: ProxySettings["type"], options: TestProxyOptions = {}): Promise<TestProxy> {
  const proxy =
    type === "socks5" || type === "socks5h"
      ? await startSocksProxy(options)
      : await startConnectProxy({ ...options, ...(type === "https" ? { tls: certificate } : {}) });
  closers.push(() => proxy.close());
  return proxy;
}

async function get(dispatcher: Dispatcher, origin: string, headers: string[] = []): Promise<string> {
  const answer = await request(origin, { dispatcher, headers });
  return answer.body.text();
}

async function faultOf(work: Promise<unknown>) {
  const error = await work.then(
    () => assert.fail("the request should have failed"),
    (reason: unknown) => reason,
  );
  return readNetworkFault(error);
}

const types = ["socks5", "socks5h", "http", "https"] as const;

for (const type of types) {
  test(`a ${type} proxy carries https and http, is given names unresolved, and its connections are reused`, async () => {
    const secure = await startUpstream({ secure: true });
    const plain = await startUpstream();
    const proxy = await proxyOf(type, {
      username: "us:er@x/",
      password: "p%40s w\u00f6rd",
      resolve: (host) => (host === "upstream.test" ? "127.0.0.1" : host),
    });
    const settings = {
      type,
      host: "127.0.0.1",
      port: proxy.port,
      username: "us:er@x/",
      password: "p%40s w\u00f6rd",
    };
    if (type === "socks5" || type === "socks5h") assert.equal(proxy.credentials.length, 0);
    const dispatcher = dispatchers().for("a", settings);
    for (let round = 0; round < 3; round++) {
      assert.equal(await get(dispatcher, `https://upstream.test:${secure.port}`), "hello");
    }
    assert.equal(await get(dispatcher, `http://upstream.test:${plain.port}`), "hello");
    assert.deepEqual(
      new Set(proxy.targets),
      new Set([`upstream.test:${secure.port}`, `upstream.test:${plain.port}`]),
    );
    assert.ok(
      proxy.credentials.every((pair) => pair === "us:er@x/:p%40s w\u00f6rd"),
      proxy.credentials.join(),
    );
    assert.ok(proxy.credentials.length > 0);
    assert.equal(secure.connections + plain.connections, proxy.targets.length);
    assert.ok(secure.connections <= 2, "kept alive");
  });

  test(`repeated headers survive a ${type} proxy, and the upstream sees nothing of the proxy`, async () => {
    const upstream = await startUpstream();
    const proxy = await proxyOf(type, { username: "u", password: "p" });
    const settings = { type, host: "127.0.0.1", port: proxy.port, username: "u", password: "p" };
    const dispatcher = dispatchers().for("a", settings);
    await get(dispatcher, `http://127.0.0.1:${upstream.port}`, [
      "Anthropic-Beta",
      "a",
      "X-B",
      "1",
      "anthropic-beta",
      "b",
    ]);
    const [request] = upstream.requests;
    assert.deepEqual(request?.rawHeaders, [
      ...["host", `127.0.0.1:${upstream.port}`, "connection", "keep-alive"],
      ...["Anthropic-Beta", "a", "X-B", "1", "anthropic-beta", "b"],
    ]);
  });

  test(`an account with a ${type} proxy never connects without it, to loopback neither`, async () => {
    const upstream = await startUpstream();
    const proxy = await proxyOf(type);
    const all = dispatchers();
    const settings = { type, host: "127.0.0.1", port: proxy.port };
    const origin = `http://localhost:${upstream.port}`;
    for (const behaviour of [
      { kind: "hang-up" },
      { kind: "refuse", code: type.startsWith("socks") ? 5 : 503 },
    ] as const) {
      proxy.behaviour = behaviour;
      const fault = await faultOf(get(all.for("a", settings), origin));
      assert.equal(fault.kind, "proxy");
      assert.equal(fault.safeToRepeat, false);
      assert.ok(fault.message.includes(`127.0.0.1:${proxy.port}`), fault.message);
      if (behaviour.kind === "refuse")
        assert.ok(fault.message.includes(`could not reach localhost:${upstream.port}`));
    }
    await proxy.close();
    const fault = await faultOf(get(all.for("a", settings), origin));
    assert.equal(fault.kind, "proxy");
    assert.match(
      fault.message,
      new RegExp(`the ${type} proxy 127.0.0.1:${proxy.port} refused the connection`),
    );
    assert.equal(upstream.connections, 0);
  });

  test(`a ${type} proxy that stays silent is left within the connect timeout`, async () => {
    const proxy = await proxyOf(type);
    proxy.behaviour = { kind: "stall" };
    const dispatcher = dispatchers({ connectTimeoutMs: 200 }).for("a", {
      type,
      host: "127.0.0.1",
      port: proxy.port,
    });
    const startedAt = Date.now();
    const fault = await faultOf(get(dispatcher, "https://upstream.test"));
    assert.deepEqual(fault, {
      kind: "proxy",
      message: `the ${type} proxy 127.0.0.1:${proxy.port} did not open a tunnel within 0.2 s`,
      safeToRepeat: false,
      mayBeProcessed: false,
    });
    await until("no connection is left behind", () => proxy.openConnections === 0);
    assert.ok(Date.now() - startedAt < patient(2000));
  });

  test(`a ${type} proxy's complaint about the password is named as that, without the password`, async () => {
    const proxy = await proxyOf(type, { username: "right", password: "right" });
    const all = dispatchers();
    const wrong = { type, host: "127.0.0.1", port: proxy.port, username: "us3r", password: "hunter2" };
    const refused = await faultOf(get(all.for("a", wrong), "https://upstream.test"));
    assert.equal(refused.kind, "proxy");
    assert.match(refused.message, /refused the user name or password/);
    assert.doesNotMatch(refused.message, /hunter2|us3r/);
    const none = { type, host: "127.0.0.1", port: proxy.port };
    const demanded = await faultOf(get(all.for("a", none), "https://upstream.test"));
    assert.equal(demanded.kind, "proxy");
    assert.match(demanded.message, /demands a user name and password/);
  });
}

test("what a CONNECT proxy refuses is named by its status", async () => {
  const proxy = await proxyOf("http");
  const plain = { type: "http", host: "127.0.0.1", port: proxy.port } as const;
  const name = `the http proxy 127.0.0.1:${proxy.port}`;
  const table: [number, ProxySettings, string][] = [
    [401, { ...plain, username: "u", password: "p" }, `${name} refused the user name or password (401)`],
    [401, plain, `${name} demands a user name and password (401)`],
    [403, plain, `${name} does not allow a connection to upstream.test:443 (403)`],
    [502, plain, `${name} could not reach upstream.test:443 (502)`],
    [301, plain, `${name} could not reach upstream.test:443 (301)`],
  ];
  const all = dispatchers();
  for (const [code, settings, message] of table) {
    proxy.behaviour = { kind: "refuse", code };
    const fault = await faultOf(get(all.for("a", settings), "https://upstream.test"));
    assert.deepEqual([fault.kind, fault.message], ["proxy", message]);
  }
});

test("a quiet stream through a SOCKS proxy outlives the connect timeout", async () => {
  const upstream = await startUpstream({
    handler: (_request, response) => {
      response.write("first ");
      setTimeout(() => response.end("last"), 600);
    },
  });
  const proxy = await proxyOf("socks5");
  const settings = { type: "socks5", host: "127.0.0.1", port: proxy.port } as const;
  const dispatcher = dispatchers({ connectTimeoutMs: 200 }).for("a", settings);
  assert.equal(await get(dispatcher, `http://127.0.0.1:${upstream.port}`), "first last");
});

test("a user name of over 255 bytes is a proxy fault, not a crash", async () => {
  const proxy = await proxyOf("socks5");
  const settings = {
    type: "socks5",
    host: "127.0.0.1",
    port: proxy.port,
    username: "x".repeat(256),
  } as const;
  const fault = await faultOf(get(dispatchers().for("a", settings), "https://upstream.test"));
  assert.equal(fault.kind, "proxy");
  assert.match(fault.message, /255 bytes/);
});

test("an https proxy whose certificate is not trusted is a proxy fault", async () => {
  const proxy = await proxyOf("https");
  const settings = { type: "https", host: "127.0.0.1", port: proxy.port } as const;
  const fault = await faultOf(
    get(dispatchers({ ca: undefined }).for("a", settings), "https://upstream.test"),
  );
  assert.equal(fault.kind, "proxy");
  assert.match(fault.message, /TLS connection to the https proxy .* failed \(/);
});

test("the environment's proxy serves accounts without one of their own, and loopback targets never", async () => {
  const secure = await startUpstream({ secure: true });
  const plain = await startUpstream();
  const resolve = () => "127.0.0.1";
  const [environment, own] = [await proxyOf("http", { resolve }), await proxyOf("http", { resolve })];
  const all = dispatchers({ environmentProxy: { httpsProxy: `http://127.0.0.1:${environment.port}` } });
  const origin = `https://upstream.test:${secure.port}`;
  assert.equal(
    await get(all.for("with", { type: "http", host: "127.0.0.1", port: own.port }), origin),
    "hello",
  );
  assert.deepEqual([environment.connections, own.connections], [0, 1]);
  assert.equal(await get(all.for("without", undefined), origin), "hello");
  assert.deepEqual([environment.connections, own.connections], [1, 1]);
  assert.equal(await get(all.for("without", undefined), `https://localhost:${secure.port}`), "hello");
  assert.equal(await get(all.for("without", undefined), `http://127.0.0.1:${plain.port}`), "hello");
  assert.deepEqual([environment.connections, own.connections], [1, 1]);
});

test("variables of this process's environment are not read", async (t) => {
  const upstream = await startUpstream({ secure: true });
  const proxy = await proxyOf("http");
  const before = process.env;
  t.after(() => {
    process.env = before;
  });
  process.env = { ...before, HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: "" };
  assert.equal(await get(dispatchers().for("a", undefined), `https://localhost:${upstream.port}`), "hello");
  assert.equal(proxy.connections, 0);
});

test("an account keeps one dispatcher, and retain closes those of removed accounts and former proxies", async () => {
  const upstream = await startUpstream();
  const origin = `http://127.0.0.1:${upstream.port}`;
  const all = dispatchers();
  const proxy = await proxyOf("http");
  const settings = { type: "http", host: "127.0.0.1", port: proxy.port } as const;
  const [kept, removed, former] = [
    all.for("kept", undefined),
    all.for("removed", undefined),
    all.for("moved", undefined),
  ];
  const moved = all.for("moved", settings);
  assert.notEqual(moved, former);
  assert.equal(all.for("kept", undefined), kept);
  assert.equal(all.for("moved", { ...settings }), moved);
  all.retain([
    { id: "kept", proxy: undefined },
    { id: "moved", proxy: settings },
  ]);
  assert.equal(await get(kept, origin), "hello");
  assert.equal(await get(moved, origin), "hello");
  for (const gone of [removed, former]) {
    const fault = await faultOf(get(gone, origin));
    assert.equal(fault.kind, "unreachable");
  }
  assert.notEqual(all.for("removed", undefined), removed);
});

test("retain lets an answer under way finish", async () => {
  let finish = () => {};
  const upstream = await startUpstream({
    handler: (_request, response) => {
      response.write("first ");
      finish = () => response.end("last");
    },
  });
  const all = dispatchers();
  const dispatcher = all.for("a", undefined);
  const answer = await request(`http://127.0.0.1:${upstream.port}`, { dispatcher });
  all.retain([]);
  finish();
  assert.equal(await answer.body.text(), "first last");
});

test("close destroys what is under way", async () => {
  const upstream = await startUpstream({ handler: (_request, response) => void response.write("first ") });
  const all = dispatchers();
  const answer = await all
    .for("a", undefined)
    .request({ origin: `http://127.0.0.1:${upstream.port}`, path: "/", method: "GET" });
  await all.close();
  await assert.rejects(answer.body.text());
});

test("faults of the way to the provider say what happened and where", async () => {
  const all = dispatchers({ connectTimeoutMs: 300 });
  const direct = all.for("a", undefined);
  const closed = await startRaw((socket) => socket.destroy());
  const silent = await startRaw(() => {});
  const garbage = await startRaw((socket) => void socket.write("SSH-2.0-OpenSSH\r\n"));
  const secure = await startUpstream({ secure: true });
  const free = await freePort();
  const cut = await startUpstream({
    handler: (_request, response) => {
      response.write("first ");
      setTimeout(() => response.destroy(), 10);
    },
  });
  const untrusting = dispatchers({ ca: undefined }).for("a", undefined);
  const table: [() => Promise<unknown>, string, RegExp][] = [
    [
      () => get(direct, `http://127.0.0.1:${free}`),
      "unreachable",
      /^127\.0\.0\.1:\d+ refused the connection$/,
    ],
    [() => get(direct, `http://localhost:${free}`), "unreachable", /^localhost:\d+ refused the connection$/],
    [
      () => get(direct, "http://no-such-name.invalid"),
      "unreachable",
      /^the name of no-such-name\.invalid:80 could not be resolved/,
    ],
    [
      () => get(direct, `http://127.0.0.1:${closed}`),
      "unreachable",
      /closed the connection without an answer$/,
    ],
    [
      () => get(direct, `http://127.0.0.1:${garbage}`),
      "unreachable",
      /sent something that is not an HTTP answer \(HPE_/,
    ],
    [
      () => get(direct, `https://127.0.0.1:${silent}`),
      "timeout",
      /^no connection to 127\.0\.0\.1:\d+ within 0\.3 s$/,
    ],
    [
      () => get(untrusting, `https://localhost:${secure.port}`),
      "unreachable",
      /certificate of localhost:\d+ was not accepted \(/,
    ],
    [() => get(direct, `https://127.0.0.2:${secure.port}`), "unreachable", /refused|ALTNAME/],
    [
      () => get(direct, `http://127.0.0.1:${cut.port}`),
      "unreachable",
      /broke off in the middle of its answer$/,
    ],
  ];
  for (const [work, kind, message] of table) {
    const fault = await faultOf(work());
    assert.equal(fault.kind, kind, fault.message);
    assert.match(fault.message, message);
    assert.equal(fault.safeToRepeat, false, fault.message);
  }
});

test("a kept-alive connection that the server had closed is safe to repeat, a first one and a late death are not", async () => {
  let served = 0;
  let delayMs = 0;
  const port = await startRaw((socket) => {
    let requests = 0;
    socket.on("data", () => {
      requests += 1;
      served += 1;
      if (requests === 1) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      else setTimeout(() => socket.destroy(), delayMs);
    });
  });
  const origin = `http://127.0.0.1:${port}`;
  const dispatcher = dispatchers().for("a", undefined);
  assert.equal(await get(dispatcher, origin), "ok");
  await idle();
  const stale = await faultOf(get(dispatcher, origin));
  assert.deepEqual(stale, {
    kind: "unreachable",
    message: `127.0.0.1:${port} closed the connection without an answer`,
    safeToRepeat: true,
    mayBeProcessed: false,
  });
  assert.equal(await get(dispatcher, origin), "ok");
  await idle();
  delayMs = 400;
  const late = await faultOf(get(dispatcher, origin));
  assert.deepEqual([late.safeToRepeat, late.mayBeProcessed], [false, true]);
  assert.equal(served, 4);
});

test("an aborted request is distinguished from a fault, a timed-out one too", async () => {
  const silent = await startRaw(() => {});
  const dispatcher = dispatchers().for("a", undefined);
  const ask = (signal: AbortSignal) => request(`http://127.0.0.1:${silent}`, { dispatcher, signal });
  const controller = new AbortController();
  const aborted = faultOf(ask(controller.signal));
  setTimeout(() => controller.abort(), 20);
  assert.equal((await aborted).kind, "aborted");
  const late = await faultOf(ask(AbortSignal.timeout(20)));
  assert.equal(late.kind, "timeout");
  assert.match(late.message, /^127\.0\.0\.1:\d+ did not answer in time$/);
});

test("errors nobody knows are read without throwing", () => {
  for (const error of [
    undefined,
    null,
    "text",
    5,
    {},
    new Error("x"),
    new TypeError("fetch failed", { cause: null }),
  ]) {
    const fault = readNetworkFault(error);
    assert.equal(fault.kind, "unreachable");
    assert.equal(fault.message, "the connection to the provider failed");
    assert.equal(fault.safeToRepeat, false);
  }
  const looped: Error & { cause?: unknown } = new Error("a");
  looped.cause = new Error("b", { cause: looped });
  assert.equal(readNetworkFault(looped).kind, "unreachable");
  const refused = Object.assign(new Error("x"), { code: "ECONNREFUSED", address: "::1", port: 443 });
  const fault = readNetworkFault(new TypeError("fetch failed", { cause: new AggregateError([refused]) }));
  assert.equal(fault.message, "[::1]:443 refused the connection");
});

/** undici takes a connection for reusable a moment after the answer that it carried. */
function idle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

async function startRaw(onSocket: (socket: Socket) => void): Promise<number> {
  const after = (close: unknown) => void closers.push(close as () => Promise<unknown>);
  return (await startTcpServer({ after }, onSocket)).port;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
