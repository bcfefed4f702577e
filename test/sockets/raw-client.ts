// A client that opens a WebSocket through the relay and does of it only what a test writes.

import assert from "node:assert/strict";
import { connect as connectTcp, type Socket } from "node:net";
import { until } from "../support/until.ts";
import type { SocketStage } from "./stage.ts";

export class RawClient {
  readonly socket: Socket;
  readonly received: Buffer[] = [];
  isClosed = false;

  constructor({ relay }: SocketStage, extensions = "") {
    this.socket = connectTcp(Number(new URL(relay.url).port), "127.0.0.1");
    this.socket.on("data", (chunk: Buffer) => this.received.push(chunk));
    this.socket.on("error", () => {});
    this.socket.once("close", () => (this.isClosed = true));
    const lines = [
      "GET /openai/v1/responses HTTP/1.1",
      "Host: 127.0.0.1",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      "session-id: raw",
      ...(extensions === "" ? [] : [`Sec-WebSocket-Extensions: ${extensions}`]),
    ];
    this.socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  }

  get text(): string {
    return Buffer.concat(this.received).toString("latin1");
  }

  async opened(): Promise<this> {
    await until("the upgrade is accepted", () => this.text.includes("\r\n\r\n"));
    assert.match(this.text, /^HTTP\/1\.1 101 /);
    return this;
  }

  /** With a mask of zeros; up to 125 bytes. */
  write(firstByte: number, payload: Buffer): void {
    this.socket.write(Buffer.concat([Buffer.from([firstByte, 0x80 | payload.length, 0, 0, 0, 0]), payload]));
  }

  /** The code of the close frame that came; undefined: none has come yet. */
  get closeCode(): number | undefined {
    const all = Buffer.concat(this.received);
    const at = all.lastIndexOf(0x88);
    return at > 0 && all.length >= at + 4 ? all.readUInt16BE(at + 2) : undefined;
  }
}
