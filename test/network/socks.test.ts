// The handshake with a SOCKS5 proxy, byte by byte, against a proxy that is written out.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { ProxyFault } from "../../src/network/faults.ts";
import type { ProxySettings } from "../../src/network/proxy.ts";
import { openTunnel } from "../../src/network/tunnel.ts";
import { startTcpServer } from "../support/tcp-server.ts";
import { until } from "../support/until.ts";

interface Scripted {
  settings: ProxySettings;
  /** What came from the client, in hex. */
  received(): string;
  connections(): number;
}

/** Answers with these bytes, one answer to each piece that comes. */
async function startScript(t: TestContext, answers: readonly Buffer[], delayMs = 0): Promise<Scripted> {
  const received: Buffer[] = [];
  const { port, open } = await startTcpServer(t, (socket) => {
    const left = [...answers];
    socket.on("data", (piece) => {
      received.push(piece);
      const answer = left.shift();
      if (answer !== undefined) setTimeout(() => socket.write(answer), delayMs);
    });
  });
  return {
    settings: { type: "socks5", host: "127.0.0.1", port, username: "us3r", password: "hunter2" },
    received: () => Buffer.concat(received).toString("hex"),
    connections: open,
  };
}

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const target = { host: "upstream.test", port: 443 };
const within = { limitMs: 60_000, signal: new AbortController().signal };

const greeting = "05020002";
const login = `0104${Buffer.from("us3r").toString("hex")}07${Buffer.from("hunter2").toString("hex")}`;
const granted = "05 00 00 01 7f000001 1234";

for (const [stage, answers, sent] of [
  ["the greeting", [], greeting],
  ["the password", ["05 02"], greeting + login],
  [
    "the target",
    ["05 02", "01 00"],
    `${greeting + login}050100030d${Buffer.from("upstream.test").toString("hex")}01bb`,
  ],
] as const) {
  test(`a client that leaves while the proxy thinks about ${stage} waits no longer, and the handshake ends`, async (t) => {
    const proxy = await startScript(t, answers.map(hex));
    const leaving = new AbortController();
    const opening = openTunnel(proxy.settings, target, { limitMs: 200, signal: leaving.signal });
    await until("the proxy was asked", () => proxy.received() === sent);
    const reason = new Error("the client has left");
    leaving.abort(reason);
    await assert.rejects(opening, reason);
    await until("the connection is closed", () => proxy.connections() === 0);
    assert.equal(proxy.received(), sent);
  });
}

test("a tunnel that opens after its client has left is closed, and carries nothing", async (t) => {
  const proxy = await startScript(t, ["05 00", granted].map(hex), 50);
  const leaving = new AbortController();
  const opening = openTunnel(proxy.settings, target, { ...within, signal: leaving.signal });
  await until("the proxy was asked", () => proxy.received() !== "");
  const reason = new Error("the client has left");
  leaving.abort(reason);
  await assert.rejects(opening, reason);
  await until("the tunnel is open", () => proxy.received().endsWith("01bb"));
  await until("the connection is closed", () => proxy.connections() === 0);
  assert.ok(proxy.received().endsWith("01bb"));
});

test("a target is named as what it is: a name, an IPv4 address, an IPv6 address", async (t) => {
  for (const [host, written] of [
    ["example.org", `030b${Buffer.from("example.org").toString("hex")}`],
    ["192.0.2.7", "01c0000207"],
    ["::1", "0400000000000000000000000000000001"],
    ["2001:db8::8:1", "0420010db8000000000000000000080001"],
    ["2001:db8:1:2:3:4:5:6", "0420010db8000100020003000400050006"],
    ["::ffff:192.0.2.7", "0400000000000000000000ffffc0000207"],
    ["fe80::", "04fe800000000000000000000000000000"],
  ] as const) {
    const proxy = await startScript(t, [hex("0500"), hex(granted)]);
    const socket = await openTunnel(proxy.settings, { host, port: 80 }, within);
    socket.destroy();
    assert.equal(proxy.received(), `${greeting}050100${written}0050`, host);
  }
});

test("what the target says first is still in the socket, and replies of every address type are read", async (t) => {
  const hello = Buffer.from("220 hello").toString("hex");
  for (const reply of [granted, "05 00 00 03 02 6162 0050", `05 00 00 04 ${"00".repeat(16)} 0050`]) {
    const proxy = await startScript(t, [hex("0500"), hex(reply + hello)]);
    const socket = await openTunnel(proxy.settings, target, within);
    const [first] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    assert.equal(first.toString(), "220 hello");
  }
});

test("what is no SOCKS5 proxy, refuses or breaks off is a fault of the proxy without its password", async (t) => {
  for (const [answers, message] of [
    [[Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")], /does not speak SOCKS5/],
    [[hex("05ff")], /does not accept a user name and password/],
    [[hex("0502"), hex("0101")], /refused the user name or password/],
    [[hex("0500"), hex("0504000100000000 0000")], /could not reach upstream\.test:443 \(HostUnreachable\)/],
    [[hex("0500"), hex("0563000100000000 0000")], /could not reach upstream\.test:443 \(unknown reply\)/],
  ] as const) {
    const proxy = await startScript(t, answers);
    await assert.rejects(openTunnel(proxy.settings, target, within), (error: unknown) => {
      assert.ok(error instanceof ProxyFault);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /us3r|hunter2/);
      return true;
    });
    await until("the connection is closed", () => proxy.connections() === 0);
  }
});
