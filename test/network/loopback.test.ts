import assert from "node:assert/strict";
import { test } from "node:test";
import {
  hostAllowed,
  isForeignOrigin,
  isLoopbackAddress,
  isLoopbackHost,
} from "../../src/network/loopback.ts";

test("loopback is 127.0.0.0/8, ::1, their mapped forms and localhost, and nothing that merely looks like it", () => {
  const yes = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "127.0.0.1",
    "127.255.1.2",
    "::1",
    "[::1]",
  ];
  const mapped = ["::ffff:127.0.0.1", "[::ffff:7f00:1]", "0:0:0:0:0:0:0:1"];
  for (const host of [...yes, ...mapped]) assert.equal(isLoopbackHost(host), true, host);
  const no = [
    "localhost.evil.com",
    "notlocalhost",
    "127.0.0.1.evil.com",
    "0.0.0.0",
    "128.0.0.1",
    "::",
    "::2",
    "",
  ];
  for (const host of [...no, "::ffff:10.0.0.1", "10.0.0.1", "evil", "127.1", "."]) {
    assert.equal(isLoopbackHost(host), false, host);
  }
  assert.equal(isLoopbackAddress("localhost"), false);
  assert.equal(isLoopbackAddress("127.0.0.2"), true);
});

test("bound to loopback, only loopback names and allowed hosts are answered", () => {
  const allowedHosts = ["relay.lan", "box.lan:3000", "[fd00::1]"];
  const table: [string | undefined, boolean][] = [
    ["127.0.0.1:3000", true],
    ["localhost", true],
    ["[::1]:3000", true],
    [undefined, true],
    ["Relay.LAN:9", true],
    ["relay.lan.", true],
    ["box.lan:3000", true],
    ["box.lan:3001", false],
    ["[fd00::1]:3000", true],
    ["evil.example", false],
    ["evil.example:3000", false],
    ["localhost@evil.example", false],
    ["localhost, evil.example", false],
    ["localhost/", false],
    ["", false],
    ["evil.localhost.example", false],
  ];
  for (const [hostHeader, allowed] of table) {
    assert.equal(hostAllowed({ hostHeader, boundLoopback: true, allowedHosts }), allowed, hostHeader);
  }
});

test("bound elsewhere every Host is answered until some are listed", () => {
  const ask = (hostHeader: string | undefined, allowedHosts: string[]) =>
    hostAllowed({ hostHeader, boundLoopback: false, allowedHosts });
  assert.equal(ask("anything.example", []), true);
  assert.equal(ask(undefined, []), true);
  assert.equal(ask("anything.example", ["relay.lan"]), false);
  assert.equal(ask(undefined, ["relay.lan"]), false);
  assert.equal(ask("relay.lan", ["relay.lan"]), true);
  assert.equal(ask("127.0.0.1:3000", ["relay.lan"]), true);
});

test("a page of another origin is foreign; programs and the relay's own origin are not", () => {
  const host = "127.0.0.1:3000";
  const table: [{ origin?: string; secFetchSite?: string; host?: string }, boolean][] = [
    [{ host }, false],
    [{ host, origin: "http://127.0.0.1:3000" }, false],
    [{ host: "Relay.lan", origin: "https://relay.lan" }, false],
    [{ host: "relay.lan:80", origin: "http://relay.lan" }, false],
    [{ host, origin: "http://127.0.0.1:5173" }, true],
    [{ host, origin: "http://evil.example" }, true],
    [{ host, origin: "null" }, true],
    [{ host, origin: "" }, true],
    [{ host, origin: "chrome-extension://abcdef" }, true],
    [{ host, origin: "http://127.0.0.1:3000/path" }, true],
    [{ host, origin: "http://127.0.0.1:3000@evil.example" }, true],
    [{ origin: "http://127.0.0.1:3000" }, true],
    [{ host, secFetchSite: "cross-site" }, true],
    [{ host, secFetchSite: " Cross-Site " }, true],
    [{ host, secFetchSite: "cross-site", origin: "http://127.0.0.1:3000" }, true],
    [{ host, secFetchSite: "same-site" }, true],
    [{ host, secFetchSite: "same-origin" }, false],
    [{ host, secFetchSite: "none" }, false],
  ];
  for (const [headers, foreign] of table) {
    const question = { origin: headers.origin, secFetchSite: headers.secFetchSite, host: headers.host };
    assert.equal(isForeignOrigin(question), foreign, JSON.stringify(headers));
  }
});
