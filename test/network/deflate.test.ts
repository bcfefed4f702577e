// WebSockets whose frames are compressed, against the other side of `ws` with every form of compression that it can be asked for.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { buildConnector } from "undici";
import { type PerMessageDeflateOptions, type WebSocket, WebSocketServer } from "ws";
import { dialWebSocket } from "../../src/network/web-socket.ts";

interface Pair {
  client: WebSocket;
  server: WebSocket;
  /** Bytes that each side has sent. */
  sent(): { client: number; server: number };
}

async function open(
  t: TestContext,
  perMessageDeflate: PerMessageDeflateOptions | boolean,
  maxMessageBytes = 10_000_000,
): Promise<Pair> {
  const acceptor = new WebSocketServer({ noServer: true, perMessageDeflate });
  const http = createServer();
  const accepted = new Promise<WebSocket>((resolve) =>
    http.on("upgrade", (request, socket, head) => acceptor.handleUpgrade(request, socket, head, resolve)),
  );
  await listen(http);
  const { port } = http.address() as AddressInfo;
  const dialled = await dialWebSocket({
    ...{ origin: `http://127.0.0.1:${port}`, path: "/", headers: [], maxMessageBytes },
    connect: connectPlainly,
    signal: new AbortController().signal,
  });
  assert.equal(dialled.kind, "open");
  const client = dialled.kind === "open" ? dialled.socket : undefined;
  const server = await accepted;
  server.on("error", () => {});
  t.after(() => {
    client?.terminate();
    server.terminate();
    http.close();
  });
  client!.resume();
  const socketOf = (socket: WebSocket) => (socket as unknown as { _socket: Socket })._socket;
  const sent = () => ({
    client: socketOf(client!).bytesWritten,
    server: socketOf(server).bytesWritten,
  });
  return { client: client!, server, sent };
}

const connectPlainly: buildConnector.connector = ({ port }, callback) => {
  const socket: Socket = connect(Number(port), "127.0.0.1", () => callback(null, socket));
};

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}

/** Texts of every kind of length, which repeat much of those before. */
const texts = Array.from({ length: 400 }, (_, at) =>
  at % 50 === 7
    ? `{"type":"long","text":"${randomBytes(90_000).toString("base64")}"}`
    : `{"type":"response.output_text.delta","item_id":"msg_1","sequence_number":${at},"delta":"${"ä".repeat(at % 40)}"}`,
);

function receive(socket: WebSocket, count: number): Promise<string[]> {
  const got: string[] = [];
  return new Promise((resolve) =>
    socket.on("message", (data: Buffer) => {
      got.push(data.toString());
      if (got.length === count) resolve(got);
    }),
  );
}

const forms: Record<string, PerMessageDeflateOptions | boolean> = {
  "with a memory of earlier messages": { threshold: 0 },
  "of long messages alone": { threshold: 1024 },
  "without a memory": { threshold: 0, serverNoContextTakeover: true },
  "whose memories are small": { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
  "with none": false,
};

for (const [form, options] of Object.entries(forms)) {
  test(`messages come as they were sent over a compression ${form}`, async (t) => {
    const { client, server } = await open(t, options);
    assert.equal(client.extensions !== "", options !== false);
    const [toClient, toServer] = [receive(client, texts.length), receive(server, texts.length)];
    for (const text of texts) {
      server.send(text);
      client.send(Buffer.from(text), { binary: false });
    }
    assert.deepEqual(await toClient, texts);
    assert.deepEqual(await toServer, texts);
  });
}

test("long messages are sent compressed, short ones as they are", async (t) => {
  const { client, server, sent } = await open(t, true);
  const arrived = receive(server, 2);
  const before = sent().client;
  client.send("x".repeat(4000), { binary: false });
  const between = sent().client;
  assert.ok(between - before > 4000);
  client.send("x".repeat(100_000), { binary: false });
  assert.deepEqual(
    (await arrived).map(({ length }) => length),
    [4000, 100_000],
  );
  assert.ok(sent().client - between < 1000);
});

test("what was compressed with earlier messages takes little, so that it is known to be read with them", async (t) => {
  const { client, server, sent } = await open(t, { threshold: 0 });
  const noise = randomBytes(600).toString("base64");
  const got = receive(client, 20);
  server.send(noise);
  const before = sent().server;
  for (let count = 0; count < 19; count++) server.send(noise);
  assert.deepEqual(await got, Array(20).fill(noise));
  assert.ok(sent().server - before < 19 * 100);
});

test("a compressed message in fragments is one message", async (t) => {
  const { client, server } = await open(t, { threshold: 0 });
  const got = receive(client, 2);
  const text = "in three pieces ".repeat(100);
  server.send(text.slice(0, 500), { fin: false, compress: true });
  server.send(text.slice(500, 501), { fin: false, compress: true });
  server.send(text.slice(501), { fin: true, compress: true });
  server.send("and another");
  assert.deepEqual(await got, [text, "and another"]);
});

for (const [size, count, maxMessageBytes] of [
  ["short", 300_000, 100_000],
  ["long", 60_000_000, 100_000],
  ["very dense", 10_000_000, 60_000_000],
] as const) {
  test(`a ${size} bomb ends the socket with 1009 on both sides`, async (t) => {
    const { client, server } = await open(t, { threshold: 0 }, maxMessageBytes);
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => client.once("error", resolve));
    const codes = new Promise<number>((resolve) => server.once("close", resolve));
    server.send("a".repeat(count));
    assert.equal((await failed).code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
    assert.equal(await codes, 1009);
  });
}

test("what cannot be inflated ends the socket with 1007", async (t) => {
  const { client, server } = await open(t, true);
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => client.once("error", resolve));
  const code = new Promise<number>((resolve) => server.once("close", resolve));
  // RSV1 and a text that is no deflate stream.
  (server as unknown as { _socket: Socket })._socket.write(Buffer.from([0xc1, 4, 0xff, 0xff, 0xff, 0xff]));
  assert.equal((await failed).code, "WS_ERR_INVALID_DEFLATE");
  assert.equal(await code, 1007);
});
