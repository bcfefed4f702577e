import assert from "node:assert/strict";
import { test } from "node:test";
import { hostAllowed, isOwnOrigin } from "../../src/network/host-guard.ts";
import { isLoopbackAddress, isLoopbackHost } from "../../src/network/loopback.ts";

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

test("only an origin with the request's own host is the relay's own", () => {
  const host = "127.0.0.1:3000";
  const table: [string, string | undefined, boolean][] = [
    ["http://127.0.0.1:3000", host, true],
    ["https://relay.lan", "Relay.lan", true],
    ["http://relay.lan", "relay.lan:80", true],
    ["http://127.0.0.1:5173", host, false],
    ["http://evil.example", host, false],
    ["null", host, false],
    ["", host, false],
    ["chrome-extension://abcdef", host, false],
    ["http://127.0.0.1:3000/path", host, false],
    ["http://127.0.0.1:3000@evil.example", host, false],
    ["http://127.0.0.1:3000", undefined, false],
  ];
  for (const [origin, ownHost, isOwn] of table) assert.equal(isOwnOrigin(origin, ownHost), isOwn, origin);
});
