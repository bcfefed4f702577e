// A client that sends the bytes of a request itself, as slowly and as incomplete as a test likes.

import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";

export interface RawClient {
  socket: Socket;
  /** All that has come. */
  received(): string;
  isClosed(): boolean;
}

/** Connects and sends the text. */
export function openRaw(t: Pick<TestContext, "after">, url: string, text: string): RawClient {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  t.after(() => socket.destroy());
  let received = "";
  let isClosed = false;
  socket.on("data", (piece) => (received += piece.toString("latin1")));
  socket.on("error", () => {}).on("close", () => (isClosed = true));
  socket.write(text);
  return { socket, received: () => received, isClosed: () => isClosed };
}
