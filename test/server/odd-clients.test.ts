// Clients on a bare socket that do what HTTP allows and hardly anybody does, and what it does not allow. Each gets an answer or a closed
// connection; none reaches the provider as something else than it sent, and the next ordinary request is served.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";

const json = JSON.stringify({
  model: "claude-opus-5-5",
  max_tokens: 9,
  messages: [{ role: "user", content: "odd ä" }],
});
const length = `content-length: ${Buffer.byteLength(json)}`;
const type = "content-type: application/json";

interface Odd {
  /** Without the line `Host`, which every one has first. */
  lines?: string[];
  target?: string;
  method?: string;
  body?: string;
  /** In so many bytes at a time. */
  step?: number;
  /** Status of each answer, in order. */
  statuses: number[];
  /** What the provider got, each time; absent: once or not at all, as it had gone out by then. */
  received?: string[];
}

const close = "connection: close";
const size = Buffer.byteLength(json).toString(16);

const clients: Record<string, Odd> = {
  "one byte at a time": {
    lines: [type, length, close],
    body: json,
    step: 1,
    statuses: [200],
    received: [json],
  },
  "chunks with extensions, and trailers": {
    lines: [type, "transfer-encoding: chunked", close],
    body: `${size};a=b\r\n${json}\r\n0\r\nx-trailer: 1\r\n\r\n`,
    statuses: [200],
    received: [json],
  },
  "two requests at once": {
    lines: [type, length],
    body: `${json}POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\n${type}\r\n${length}\r\n${close}\r\n\r\n${json}`,
    statuses: [200, 200],
    received: [json, json],
  },
  "two lengths": { lines: [type, length, "content-length: 3"], body: json, statuses: [400], received: [] },
  "a length and chunks": {
    lines: [type, length, "transfer-encoding: chunked"],
    body: `${size}\r\n${json}\r\n0\r\n\r\n`,
    statuses: [400],
    received: [],
  },
  "a length that is none": {
    lines: [type, "content-length: 1e3"],
    body: json,
    statuses: [400],
    received: [],
  },
  "a negative length": { lines: [type, "content-length: -1"], body: json, statuses: [400], received: [] },
  "a chunk of no number": {
    lines: [type, "transfer-encoding: chunked"],
    body: "zz\r\n{}\r\n",
    statuses: [400],
    received: [],
  },
  "a header that is folded": {
    lines: [type, length, "x-a: 1\r\n 2", close],
    body: json,
    statuses: [400],
    received: [],
  },
  "a byte of nothing in a header": {
    lines: [type, length, "x-a: 1\0"],
    body: json,
    statuses: [400],
    received: [],
  },
  "a method in small letters": {
    method: "post",
    lines: [type, length],
    body: json,
    statuses: [400],
    received: [],
  },
  "an expectation that nobody knows": {
    lines: [type, length, "expect: the-impossible", close],
    body: json,
    statuses: [417],
    received: [],
  },
  "more than it announced": { lines: [type, length], body: `${json}garbage\r\n\r\n`, statuses: [400] },
  "a fragment in its target": {
    target: "/v1/messages#x",
    lines: [type, length, close],
    body: json,
    statuses: [404],
    received: [],
  },
  "a request of another protocol": { method: "\x16\x03\x01", lines: [], statuses: [400], received: [] },
};

/** All that came back until the connection was closed. */
function exchange(port: number, { method = "POST", target = "/v1/messages", ...odd }: Odd): Promise<string> {
  const { lines = [], body = "", step } = odd;
  const bytes = Buffer.from(
    `${method} ${target} HTTP/1.1\r\n${["host: 127.0.0.1", ...lines].join("\r\n")}\r\n\r\n${body}`,
  );
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let text = "";
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("end", () => socket.end());
    socket.on("close", () => resolve(text));
    const write = async () => {
      for (let at = 0; at < bytes.length; at += step ?? bytes.length) {
        if (socket.destroyed) return;
        socket.write(bytes.subarray(at, at + (step ?? bytes.length)));
        if (step) await new Promise((next) => setImmediate(next));
      }
    };
    void write();
  });
}

for (const [name, odd] of Object.entries(clients)) {
  test(`a client that sends ${name}`, async (t) => {
    const { upstream, relay } = await setStage(t, { ids: ["only"] });
    const text = await exchange(Number(new URL(relay.url).port), odd);
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
    assert.deepEqual(statuses, odd.statuses, text.slice(0, 500));
    const received = upstream.requests.map(({ body }) => body.toString());
    if (odd.received) assert.deepEqual(received, odd.received);
    else for (const each of received) assert.equal(each, json);
    const next = await send(relay.url, {
      path: "/v1/messages",
      headers: ["content-type", "application/json"],
      body: json,
    });
    assert.equal(next.status, 200);
  });
}
