// What the relay adds to the time that an event of a stream takes: no write waits, and the last event waits for its row, two milliseconds at
// most. Provider and client are this process, so that both read one clock. (Nagle's algorithm would not show here: loopback acknowledges
// at once. Both sides' sockets are without it.)

import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { open } from "../support/client.ts";
import { builtProgram, createServeFolder } from "../support/serve-process.ts";

const streams = 20;
const eventsPerStream = 12;
/** Farther apart than an event takes: each finds the connection at rest, with an acknowledgement due. */
const apartMs = 5;
/** On a machine that is busy with something else, a measurement shows that. */
const tries = 5;

const event = (type: string, data: object) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const usage = { input_tokens: 1, output_tokens: 1 };
const message = {
  id: "m",
  type: "message",
  role: "assistant",
  content: [],
  model: "claude-haiku-5-5",
  usage,
};

/** The moments at which its events left, by their text. */
const sentAt = new Map<string, number>();

async function answer(response: ServerResponse, stream: number): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(event("message_start", { message }));
  for (let each = 0; each < eventsPerStream; each++) {
    await sleep(apartMs);
    const text = `[${stream}/${each}]`;
    sentAt.set(text, performance.now());
    response.write(event("content_block_delta", { index: 0, delta: { type: "text_delta", text } }));
  }
  await sleep(apartMs);
  response.write(event("message_delta", { delta: { stop_reason: "end_turn" }, usage }));
  await sleep(apartMs);
  sentAt.set(`message_stop/${stream}`, performance.now());
  response.end(event("message_stop", {}));
}

async function startProvider(t: TestContext): Promise<string> {
  let stream = 0;
  const server = createServer((request, response) => {
    request.resume().on("end", () => void answer(response, stream++));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Delays {
  /** Of events in the middle of a stream, and of the last ones; ms. */
  middle: number;
  last: number;
}

async function measure(url: string): Promise<Delays> {
  const body = {
    model: "claude-haiku-5-5",
    max_tokens: 9,
    stream: true,
    messages: [{ role: "user", content: "x" }],
  };
  const middle: number[] = [];
  const last: number[] = [];
  for (let each = 0; each < streams; each++) {
    const opened = await open(url, { path: "/v1/messages", headers: ["x-api-key", "key-of-a"], body });
    let stream = "";
    for (let piece = await opened.read(); piece !== undefined; piece = await opened.read()) {
      const now = performance.now();
      for (const [text, id] of piece.toString().matchAll(/\[(\d+)\/\d+\]/g)) {
        stream = id!;
        middle.push(now - sentAt.get(text)!);
      }
      if (piece.includes('"message_stop"')) last.push(now - sentAt.get(`message_stop/${stream}`)!);
    }
  }
  assert.deepEqual([middle.length, last.length], [streams * eventsPerStream, streams]);
  return { middle: medianOf(middle), last: medianOf(last) };
}

function medianOf(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

test("an event is with the client within a millisecond more than without the relay, the last one within three", async (t) => {
  const provider = await startProvider(t);
  const folder = await createServeFolder(t, builtProgram);
  await folder.configure(
    `[[accounts]]\nid = "a"\nname = "a"\ntype = "claude-api"\napi_key = "key-of-a"\napi_url = "${provider}"\n`,
  );
  const relay = await folder.start();
  await measure(relay.url);
  for (let left = tries; left > 0; left--) {
    const direct = await measure(provider);
    const relayed = await measure(relay.url);
    const middle = relayed.middle - direct.middle;
    const last = relayed.last - direct.last;
    if (middle <= 1 && last <= 3) {
      t.diagnostic(`${middle.toFixed(2)} ms in the middle of a stream, ${last.toFixed(2)} ms at its end`);
      return;
    }
    if (left === 1)
      assert.fail(`${middle.toFixed(2)} ms in the middle of a stream, ${last.toFixed(2)} ms at its end`);
  }
});
