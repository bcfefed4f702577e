// Connections through an account's proxy or the environment's, and what a proxy refuses.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ProxySettings } from "../../src/network/proxy.ts";
import { patient } from "../support/patience.ts";
import { until } from "../support/until.ts";
import { closeAll, dispatchers, faultOf, get, proxyOf, startUpstream } from "./dispatchers-setup.ts";

after(closeAll);

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
