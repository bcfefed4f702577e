// The other side of the loop's test, in a process of its own: a provider that answers at once, and the client that asks. What it costs to
// write and read megabytes here is no silence of the relay's.

import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { floods } from "../dialects/chat/flood-bodies.ts";
import { answerFloods, wireBytes } from "./answer-floods.ts";
import { requestFloods } from "./request-floods.ts";

export interface PeerOrder {
  /** Of the relay. */
  url: string;
  path: "/v1/chat/completions" | "/v1/messages";
  ask: { bytes: number } | { flood: string } | { request: string } | { answer: string };
}

export type PeerReport =
  | { kind: "ready"; url: string }
  /** `status` 0: no head came. */
  | { kind: "answered"; status: number; text: string; isWhole: boolean };

const answer = JSON.stringify({
  id: "msg_loop",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-4-5",
  content: [{ type: "text", text: "Hi." }],
  stop_reason: "end_turn",
  usage: { input_tokens: 1, output_tokens: 1 },
});

let next: { body: Buffer; stream: boolean; coding: string | undefined } = nextOf(undefined);

function nextOf(title: string | undefined): typeof next {
  const flood = answerFloods.find((each) => each.title === title);
  if (!flood) return { body: Buffer.from(answer), stream: false, coding: undefined };
  return { body: wireBytes(flood), stream: flood.stream, coding: flood.coding };
}

const provider = createServer((incoming, response) => {
  incoming.resume().on("end", () => {
    response.setHeader("content-type", next.stream ? "text/event-stream" : "application/json");
    if (next.coding !== undefined) response.setHeader("content-encoding", next.coding);
    response.on("error", () => {}).end(next.body);
  });
});
await once(provider.listen(0, "127.0.0.1"), "listening");
const { port } = provider.address() as AddressInfo;

process.on("message", ({ url, path, ask }: PeerOrder) => {
  next = nextOf("answer" in ask ? ask.answer : undefined);
  send(url + path, Buffer.from(bodyOf(ask))).then(report);
});
process.on("disconnect", () => process.exit());
report({ kind: "ready", url: `http://127.0.0.1:${port}` });

function report(message: PeerReport): void {
  process.send?.(message);
}

function bodyOf(ask: PeerOrder["ask"]): string {
  if ("flood" in ask) {
    const flood = floods.find(([name]) => name === ask.flood);
    if (!flood) throw new Error(`there is no flood ${ask.flood}`);
    return flood[1]();
  }
  if ("request" in ask) {
    const flood = requestFloods.find(({ title }) => title === ask.request);
    if (!flood) throw new Error(`there is no flood ${ask.request}`);
    return flood.body();
  }
  const messages = [{ role: "user", content: "q".repeat("bytes" in ask ? ask.bytes : 10) }];
  return JSON.stringify({ model: "claude-sonnet-4-5", max_tokens: 10, messages, stream: next.stream });
}

function send(url: string, body: Buffer): Promise<PeerReport> {
  const { promise, resolve } = Promise.withResolvers<PeerReport>();
  const headers = {
    "content-type": "application/json",
    "content-length": body.length,
    "accept-encoding": "gzip, br, zstd",
  };
  const asked = request(url, { method: "POST", headers }, (response) => {
    const pieces: Buffer[] = [];
    response.on("data", (piece: Buffer) => pieces.push(piece)).on("error", () => {});
    response.on("close", () => {
      const text = Buffer.concat(pieces).toString("latin1").slice(0, 1000);
      resolve({ kind: "answered", status: response.statusCode ?? 0, text, isWhole: response.complete });
    });
  });
  asked.on("error", (error) => resolve({ kind: "answered", status: 0, text: error.message, isWhole: false }));
  asked.end(body);
  return promise;
}
