// The other side of the loop's test, in a process of its own: a provider that answers at once, and the client that asks. What it costs to
// write and read megabytes here is no silence of the relay's.

import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { floods } from "../dialects/chat/flood-bodies.ts";

export interface PeerOrder {
  /** Of the relay. */
  url: string;
  /** Of floods; another one is an ordinary question of so many bytes. */
  title: string | number;
}

export type PeerReport = { kind: "ready"; url: string } | { kind: "answered"; status: number; text: string };

const answer = JSON.stringify({
  id: "msg_loop",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-4-5",
  content: [{ type: "text", text: "Hi." }],
  stop_reason: "end_turn",
  usage: { input_tokens: 1, output_tokens: 1 },
});

const provider = createServer((incoming, response) => {
  incoming.resume().on("end", () => response.setHeader("content-type", "application/json").end(answer));
});
await once(provider.listen(0, "127.0.0.1"), "listening");
const { port } = provider.address() as AddressInfo;

process.on("message", ({ url, title }: PeerOrder) => {
  const body = Buffer.from(typeof title === "number" ? question(title) : bodyOf(title));
  ask(url, body).then(report);
});
process.on("disconnect", () => process.exit());
report({ kind: "ready", url: `http://127.0.0.1:${port}` });

function report(message: PeerReport): void {
  process.send?.(message);
}

function question(bytes: number): string {
  const messages = [{ role: "user", content: "q".repeat(bytes) }];
  return JSON.stringify({ model: "claude-sonnet-4-5", messages });
}

function bodyOf(title: string): string {
  const flood = floods.find(([name]) => name === title);
  if (!flood) throw new Error(`there is no flood ${title}`);
  return flood[1]();
}

function ask(url: string, body: Buffer): Promise<PeerReport> {
  const { promise, resolve, reject } = Promise.withResolvers<PeerReport>();
  const headers = { "content-type": "application/json", "content-length": body.length };
  const asked = request(`${url}/v1/chat/completions`, { method: "POST", headers }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    response.on("end", () => resolve({ kind: "answered", status: response.statusCode ?? 0, text }));
  });
  asked.on("error", reject).end(body);
  return promise;
}
