// The other side of a measurement, on a core of its own: a provider that answers at once, and the clients that ask it through a contestant.
// Commands come by IPC; every answer is checked.

import { Agent, createServer, request as openHttp } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Round {
  case: CaseName;
  url: string;
  requests: number;
  concurrency: number;
  /** What this contestant needs with each request. */
  headers: Readonly<Record<string, string>>;
}

export type CaseName = "small" | "stream" | "megabyte" | "large" | "slow" | "mixed";

const usage = {
  input_tokens: 12,
  cache_creation_input_tokens: 3,
  cache_read_input_tokens: 40,
  output_tokens: 7,
};
const message = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-haiku-5-5",
  content: [{ type: "text", text: "Hello" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage,
};
const document = Buffer.from(JSON.stringify(message));
const event = (name: string, data: object) =>
  Buffer.from(`event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`);
const first = event("message_start", { message: { ...message, content: [], stop_reason: null } });
const delta = event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "twelve bytes" } });
const last = Buffer.concat([
  event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 207 } }),
  event("message_stop", {}),
]);
const eventsPerStream = 200;
/** By which the provider knows the requests that it is to answer slowly. */
const slowTokens = 101;

const upstream = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  let size = 0;
  let end: Buffer | undefined;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    end = chunk;
  });
  request.on("end", async () => {
    // Not everybody passes a query string on.
    const settings = end?.toString("latin1", Math.max(end.length - 60, 0)) ?? "";
    if (!settings.includes('"stream":true')) {
      response.writeHead(200, {
        "content-type": "application/json",
        "content-length": document.length,
        "x-size": size,
      });
      return response.end(document);
    }
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    const isSlow = settings.includes(`"max_tokens":${slowTokens},`);
    const events = isSlow ? 10 : eventsPerStream;
    response.write(first);
    for (let sent = 0; sent < events; sent++) {
      if (isSlow) await sleep(500);
      else if (sent % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
      response.write(delta);
    }
    return response.end(last);
  });
});
upstream.listen(0, "127.0.0.1", () => process.send?.({ port: (upstream.address() as AddressInfo).port }));

process.on("message", async (round: Round | "stop") => {
  if (round === "stop") return process.exit(0);
  const agent = new Agent({ keepAlive: true, maxSockets: round.concurrency });
  let begun = 0;
  let failed = 0;
  const client = async () => {
    while (begun < round.requests) {
      begun++;
      if (!(await once(round, agent))) failed++;
    }
  };
  await Promise.all(Array.from({ length: round.concurrency }, client));
  agent.destroy();
  process.send?.({ done: round.requests, failed });
});

const filler = "The quick brown fox jumps over the lazy dog. ".repeat(180_000);
const bodies: Record<Exclude<CaseName, "mixed">, Buffer> = {
  small: body("Say hello", false),
  stream: body("Say hello", true),
  megabyte: body(filler.slice(0, 1_000_000), false),
  large: body(filler.slice(0, 8_000_000), false),
  slow: body("Say hello", true, slowTokens),
};

function body(text: string, stream: boolean, maxTokens = 100): Buffer {
  return Buffer.from(
    JSON.stringify({
      model: "claude-haiku-5-5",
      messages: [{ role: "user", content: text }],
      max_tokens: maxTokens,
      stream,
    }),
  );
}

/** Of eight requests one is a long prompt, and two are streams. */
const mixture = ["small", "stream", "small", "megabyte", "small", "stream", "small", "small"] as const;
let mixed = 0;

function once({ case: chosen, url, headers }: Round, agent: Agent): Promise<boolean> {
  const name = chosen === "mixed" ? mixture[mixed++ % mixture.length]! : chosen;
  const payload = bodies[name];
  return new Promise((resolve) => {
    const outgoing = openHttp(
      `${url}/v1/messages`,
      {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/json",
          "content-length": payload.length,
          "anthropic-version": "2023-06-01",
          "x-claude-code-session-id": `s${Math.floor(Math.random() * 50)}`,
          ...headers,
        },
      },
      (answer) => {
        let tail = "";
        let size = 0;
        answer.on("data", (chunk: Buffer) => {
          size += chunk.length;
          tail = (tail + chunk.toString("latin1")).slice(-300);
        });
        answer.on("end", () => {
          const isWhole =
            name === "stream" || name === "slow"
              ? tail.includes("message_stop") && size > 1000
              : size === document.length;
          resolve(answer.statusCode === 200 && isWhole);
        });
        answer.on("error", () => resolve(false));
      },
    );
    outgoing.on("error", () => resolve(false));
    outgoing.end(payload);
  });
}
