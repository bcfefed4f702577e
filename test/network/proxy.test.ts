import assert from "node:assert/strict";
import { test } from "node:test";
import { environmentProxyFor } from "../../src/network/environment-proxy.ts";
import { describeProxy, readProxyUrl } from "../../src/network/proxy.ts";

test("a proxy is read as people write it", () => {
  const table: [string, unknown][] = [
    ["socks5h://10.0.0.1:1080", { type: "socks5h", host: "10.0.0.1", port: 1080 }],
    ["socks5://proxy", { type: "socks5", host: "proxy", port: 1080 }],
    ["socks://proxy", { type: "socks5h", host: "proxy", port: 1080 }],
    [
      "http://u:p%40s%3Aw@proxy:3128/",
      { type: "http", host: "proxy", port: 3128, username: "u", password: "p@s:w" },
    ],
    ["https://[fd00::1]:8443", { type: "https", host: "fd00::1", port: 8443 }],
    ["https://proxy", { type: "https", host: "proxy", port: 443 }],
    ["proxy:3128", { type: "http", host: "proxy", port: 3128 }],
    ["ftp://proxy", undefined],
    ["socks4://proxy", undefined],
    ["http://", undefined],
    ["http://a:%zz@proxy", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of table) assert.deepEqual(readProxyUrl(text), expected, text);
});

test("a proxy is described without its credentials", () => {
  const proxy = { type: "socks5", host: "fd00::1", port: 1080, username: "u", password: "secret" } as const;
  assert.equal(describeProxy(proxy), "the socks5 proxy [fd00::1]:1080");
});

test("the environment's proxies apply by scheme, never to loopback, and not where NO_PROXY says so", () => {
  const environment = {
    httpProxy: "http://plain:1",
    httpsProxy: "secure:2",
    noProxy: "internal.example, .corp.example,*.wild.example ported.example:8443 10.0.0.1,[fd00::1]:443",
  };
  const table: [string, string | undefined][] = [
    ["https://api.example", "secure"],
    ["http://api.example", "plain"],
    ["https://127.0.0.1:1", undefined],
    ["http://localhost:1", undefined],
    ["https://[::1]:1", undefined],
    ["https://internal.example", undefined],
    ["https://INTERNAL.example.", undefined],
    ["https://a.internal.example", undefined],
    ["https://notinternal.example", "secure"],
    ["https://corp.example", undefined],
    ["https://a.corp.example", undefined],
    ["https://a.wild.example", undefined],
    ["https://ported.example:8443", undefined],
    ["https://ported.example", "secure"],
    ["https://10.0.0.1", undefined],
    ["https://[fd00::1]", undefined],
    ["https://[fd00::1]:444", "secure"],
  ];
  for (const [text, expected] of table) {
    const url = new URL(text);
    const secure = url.protocol === "https:";
    const target = { secure, host: url.hostname, port: Number(url.port) || (secure ? 443 : 80) };
    assert.equal(environmentProxyFor(target, environment)?.host, expected, text);
  }
  const target = { secure: true, host: "api.example", port: 443 };
  assert.equal(environmentProxyFor(target, { ...environment, noProxy: "*" }), undefined);
  assert.equal(environmentProxyFor(target, { httpProxy: "http://plain:1" }), undefined);
  assert.equal(environmentProxyFor(target, {}), undefined);
  assert.equal(environmentProxyFor(target, undefined), undefined);
});

test("a value of the environment that is no proxy fails instead of going out directly, and is not quoted", () => {
  const target = { secure: true, host: "api.example", port: 443 };
  assert.throws(
    () => environmentProxyFor(target, { httpsProxy: "ftp://user:hunter2@x" }),
    (error: Error) =>
      error.name === "ProxyFault" && /HTTPS_PROXY/.test(error.message) && !/hunter2/.test(error.message),
  );
});
