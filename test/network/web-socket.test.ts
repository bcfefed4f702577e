// What is done for every WebSocket that the relay has open.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import type { WebSocket } from "ws";
import { answerPings } from "../../src/network/web-socket.ts";

test("pings are answered while little waits for the peer, and not at all when it reads nothing", () => {
  const pongs: string[] = [];
  const socket = Object.assign(new EventEmitter(), {
    ...{ OPEN: 1, readyState: 1, bufferedAmount: 0 },
    pong: (data: Buffer) => void pongs.push(data.toString()),
  });
  answerPings(socket as unknown as WebSocket);
  const ping = (data: string) => socket.emit("ping", Buffer.from(data));
  ping("one");
  socket.bufferedAmount = 63 * 1024;
  ping("two");
  socket.bufferedAmount = 64 * 1024;
  for (let count = 0; count < 100; count++) ping("three");
  socket.bufferedAmount = 0;
  ping("four");
  socket.readyState = 2;
  ping("five");
  assert.deepEqual(pongs, ["one", "two", "four"]);
});
