// The pipeline's client over a WebSocket that is played by hand.

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { WebSocket } from "ws";
import { createSocketSink } from "../../src/sockets/socket-sink.ts";

test("an answer that was read slowly leaves nothing behind on its connection, which may have many more", () => {
  const connection = new PassThrough();
  const before = connection.listenerCount("close");
  let sent = () => {};
  const socket = {
    ...{ OPEN: 1, readyState: 1, bufferedAmount: 0 },
    send(frame: Buffer, _: object, callback: () => void) {
      this.bufferedAmount += frame.length;
      sent = callback;
    },
  };
  const sink = createSocketSink({ socket: socket as unknown as WebSocket, connection });
  assert.equal(sink.write(Buffer.alloc(1024 * 1024)), false);
  assert.equal(connection.listenerCount("close"), before + 1);
  socket.bufferedAmount = 0;
  sent();
  assert.equal(connection.listenerCount("close"), before);
  connection.destroy();
});
