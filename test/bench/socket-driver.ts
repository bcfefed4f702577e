// The other side of the measurements of sockets: a provider that speaks the Responses API over WebSocket and HTTP, and clients that work
// as Codex does: a conversation is sent whole at first, then over a socket only what is new, and over HTTP all of it again.

import { Agent, createServer, request as openHttp } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

export type SocketRound =
  | { kind: "socket" | "http"; url: string; conversations: number; steps: number; deflates: boolean }
  /** Opens so many connections, uses none of them, and keeps them until the next command. */
  | { kind: "hold"; url: string; pairs: number }
  | { kind: "stop" };

export interface SocketRoundResult {
  failed: number;
  /** What the provider received, TCP's own part aside. */
  bytes: number;
}

/** Conversations at once. */
const concurrency = 8;
const eventsPerAnswer = 60;
const openingBytes = 60_000;
const stepBytes = 1500;

let seed = 1;
const random = (below: number) => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return (seed >>> 8) % below;
};
const letters = "etaoinshrdlucmfwypvbgkjqxz";
const words = Array.from({ length: 3000 }, () =>
  Array.from({ length: 2 + random(8) }, () => letters[Math.min(random(26), random(26))]).join(""),
);
const prose = (bytes: number) => {
  let text = "";
  while (text.length < bytes) text += `${words[Math.min(random(3000), random(3000))]} `;
  return text;
};

const usage = { input_tokens: 900, output_tokens: 80, total_tokens: 980 };
const response = { object: "response", model: "gpt-5.6", store: false, status: "in_progress", output: [] };
const deltas = Array.from({ length: eventsPerAnswer }, (_, at) =>
  JSON.stringify({
    ...{ type: "response.output_text.delta", item_id: "msg_0123456789abcdef", output_index: 0 },
    ...{ content_index: 0, sequence_number: at + 2, delta: prose(12), obfuscation: prose(10) },
  }),
);
const said = prose(800);

function answerTo(id: string): string[] {
  const done = { ...response, id, status: "completed", usage, output: [{ type: "message", content: said }] };
  return [
    JSON.stringify({ type: "response.created", response: { ...response, id } }),
    ...deltas,
    JSON.stringify({ type: "response.completed", response: done }),
  ];
}

let answers = 0;
let received = 0;
let isDeflating = false;
const connections = new Set<Socket>();
const provider = createServer({ keepAliveTimeout: 60_000 }, (request, reply) => {
  request.resume().once("end", () => {
    reply.writeHead(200, { "content-type": "text/event-stream" });
    for (const data of answerTo(`resp_${answers++}`))
      reply.write(`event: ${/"type":"([^"]+)"/.exec(data)![1]}\ndata: ${data}\n\n`);
    reply.end();
  });
});
provider.on("connection", (socket) => {
  connections.add(socket);
  socket.once("close", () => {
    received += socket.bytesRead;
    connections.delete(socket);
  });
});
const plain = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const deflating = new WebSocketServer({ noServer: true, perMessageDeflate: true });
provider.on("upgrade", (request, socket, head) =>
  (isDeflating ? deflating : plain).handleUpgrade(request, socket, head, (client) => {
    client.on("message", () => {
      for (const frame of answerTo(`resp_${answers++}`)) client.send(frame);
    });
    client.on("error", () => {});
  }),
);
provider.listen(0, "127.0.0.1", () => process.send?.({ port: (provider.address() as AddressInfo).port }));

const held: WebSocket[] = [];
process.on("message", async (round: SocketRound) => {
  for (const socket of held.splice(0)) socket.terminate();
  if (round.kind === "stop") return process.exit(0);
  const failed = round.kind === "hold" ? await hold(round) : await converse(round);
  process.send?.({ failed, bytes: bytesRead() } satisfies SocketRoundResult);
});

function bytesRead(): number {
  let bytes = received;
  for (const socket of connections) bytes += socket.bytesRead;
  return bytes;
}

async function hold({ url, pairs }: SocketRound & { kind: "hold" }): Promise<number> {
  let left = pairs;
  let failed = 0;
  const open = async () => {
    while (left > 0) {
      const number = left--;
      const socket = await openSocket(url, `held-${number}`).catch(() => undefined);
      if (socket) held.push(socket);
      else failed++;
    }
  };
  await Promise.all(Array.from({ length: 16 }, open));
  return failed;
}

async function converse(round: SocketRound & { kind: "socket" | "http" }): Promise<number> {
  isDeflating = round.deflates;
  let left = round.conversations;
  let failed = 0;
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left > 0) {
        const session = `s${left--}-${answers}`;
        failed += await (round.kind === "socket"
          ? overSocket(round, session)
          : overHttp(round, session, agent));
      }
    }),
  );
  agent.destroy();
  return failed;
}

function item(bytes: number): object {
  return { type: "message", role: "user", content: [{ type: "input_text", text: prose(bytes) }] };
}

function create(input: readonly object[], more: object = {}): string {
  return JSON.stringify({ model: "gpt-5.6", stream: true, store: false, input, ...more });
}

async function overSocket({ url, steps }: { url: string; steps: number }, session: string): Promise<number> {
  const socket = await openSocket(url, session);
  let previous: string | undefined;
  let failed = 0;
  for (let step = 0; step < steps; step++) {
    const last = await new Promise<string>((resolve) => {
      socket.on("message", (frame: Buffer) => {
        const text = frame.toString();
        if (/^\{"type":"(?:response\.completed|error)"/.test(text)) resolve(text);
      });
      socket.once("close", () => resolve(""));
      socket.send(
        create([item(step === 0 ? openingBytes : stepBytes)], {
          type: "response.create",
          ...(previous !== undefined && { previous_response_id: previous }),
        }),
      );
    });
    socket.removeAllListeners("message");
    previous = /"id":"([^"]+)"/.exec(last)?.[1];
    if (!last.includes("response.completed")) failed++;
  }
  socket.terminate();
  return failed;
}

function openSocket(url: string, session: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const headers = { "session-id": session, "openai-beta": "responses_websockets=2026-02-06" };
    const address = `${url.replace("http", "ws")}/openai/v1/responses`;
    const socket = new WebSocket(address, { headers, perMessageDeflate: false });
    socket.once("open", () => resolve(socket));
    socket.on("error", reject);
  });
}

async function overHttp(
  { url, steps }: { url: string; steps: number },
  session: string,
  agent: Agent,
): Promise<number> {
  const input: object[] = [];
  let failed = 0;
  for (let step = 0; step < steps; step++) {
    input.push(item(step === 0 ? openingBytes : stepBytes));
    if (!(await post(`${url}/openai/v1/responses`, { body: create(input), session, agent }))) failed++;
    input.push({ type: "message", role: "assistant", content: said });
  }
  return failed;
}

function post(
  url: string,
  { body, session, agent }: { body: string; session: string; agent: Agent },
): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json", "session-id": session };
    const outgoing = openHttp(url, { method: "POST", agent, headers }, (answer) => {
      let tail = "";
      answer.on("data", (chunk: Buffer) => (tail = (tail + chunk.toString("latin1")).slice(-3000)));
      answer.once("end", () => resolve(tail.includes("response.completed")));
      answer.once("error", () => resolve(false));
    });
    outgoing.once("error", () => resolve(false));
    outgoing.end(body);
  });
}
