// The relay's memory under 200 sockets that work, break and come back, for two hours: it stays flat.
// `node test/soak/socket-memory.ts [--short] [--minutes N]`; `--short` is one minute.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { WebSocket, WebSocketServer } from "ws";
import { withCleanups } from "../support/cleanups.ts";
import { builtProgram, createServeFolder } from "../support/serve-process.ts";

const { values: flags } = parseArgs({
  options: { short: { type: "boolean" }, minutes: { type: "string" } },
});
const minutes = Number(flags.minutes ?? (flags.short ? 1 : 120));
const sockets = 200;
/** Each client pauses so long between two requests, on average. */
const pauseMs = flags.short ? 2000 : 6000;
/** Node lets garbage lie for as long as the machine has memory: in a small heap what grows is no garbage. */
const smallHeap = "--max-old-space-size=96 --max-semi-space-size=4";
/** The short form has hardly found its size in the second quarter. */
const toleratedMiB = flags.short ? 48 : 24;
const openingBytes = 40_000;

interface Tally {
  asked: number;
  whole: number;
  broken: number;
  connects: number;
}

await withCleanups(run);

async function run(t: Pick<TestContext, "after">): Promise<void> {
  const port = await startProvider(t);
  const folder = await createServeFolder(t, builtProgram);
  const account = (id: string) =>
    `[[accounts]]\nid = "${id}"\ntype = "openai-responses"\napi_key = "key-of-${id}"\napi_url = "http://127.0.0.1:${port}/v1"\n`;
  await folder.configure(`${account("a")}${account("b")}`);
  const { url, pid } = await folder.start([], ["env", `NODE_OPTIONS=${smallHeap}`]);
  const tally: Tally = { asked: 0, whole: 0, broken: 0, connects: 0 };
  const until = performance.now() + minutes * 60_000;
  const samples: number[] = [];
  const clients = Array.from({ length: sockets }, (_, number) => converse({ url, number, until, tally }));
  const everyMs = Math.max(1000, (minutes * 60_000) / 120);
  while (performance.now() < until) {
    await sleep(everyMs);
    samples.push(rssMiB(pid));
    if (!flags.short && samples.length % 10 === 0) process.stdout.write(`${lineOf(samples, tally)}\n`);
  }
  await Promise.all(clients);
  // The beginning is growth: programs that are loaded, heaps that find their size.
  const begun = middle(samples.slice(samples.length / 4, samples.length / 2));
  const ended = middle(samples.slice((samples.length * 3) / 4));
  process.stdout.write(
    `${sockets} sockets for ${minutes} min: RSS ${begun} MiB in the second quarter, ${ended} MiB in the last one; ${lineOf(samples, tally)}\n`,
  );
  assert.ok(tally.whole > tally.asked * 0.9, `too few answers: ${JSON.stringify(tally)}`);
  assert.ok(ended - begun <= toleratedMiB, `the relay's memory grows: ${samples.join(" ")}`);
}

function lineOf(samples: readonly number[], tally: Tally): string {
  return `RSS now ${samples.at(-1)} MiB, at most ${Math.max(...samples)} MiB; ${JSON.stringify(tally)}`;
}

interface Work {
  url: string;
  number: number;
  until: number;
  tally: Tally;
}

async function converse({ url, number, until, tally }: Work): Promise<void> {
  const address = `${url.replace("http", "ws")}/openai/v1/responses`;
  let socket: WebSocket | undefined;
  let previous: string | undefined;
  await sleep(Math.random() * pauseMs);
  while (performance.now() < until) {
    if (socket?.readyState !== WebSocket.OPEN) {
      socket = await open(address, `s${number}`);
      tally.connects++;
      previous = undefined;
      if (socket === undefined) await sleep(500);
      continue;
    }
    tally.asked++;
    const asked = ask(socket, previous);
    // Now and then a person presses Ctrl-C.
    if (Math.random() < 0.01) {
      await sleep(5);
      socket.terminate();
    }
    previous = await asked;
    if (previous === undefined) tally.broken++;
    else tally.whole++;
    await sleep(Math.random() * 2 * pauseMs);
  }
  socket?.terminate();
}

function open(address: string, session: string): Promise<WebSocket | undefined> {
  return new Promise((resolve) => {
    const socket = new WebSocket(address, {
      headers: { "session-id": session, "openai-beta": "responses_websockets=2026-02-06" },
      perMessageDeflate: false,
    });
    socket.once("open", () => resolve(socket));
    socket.on("error", () => resolve(undefined));
  });
}

/** The id of a whole answer. */
function ask(socket: WebSocket, previous: string | undefined): Promise<string | undefined> {
  const text = "x y z ".repeat((previous === undefined ? openingBytes : 1500) / 6);
  const input = [{ type: "message", role: "user", content: [{ type: "input_text", text }] }];
  const continued = previous === undefined ? {} : { previous_response_id: previous };
  const frame = {
    type: "response.create",
    model: "gpt-5.6",
    stream: true,
    store: false,
    input,
    ...continued,
  };
  return new Promise((resolve) => {
    const end = (id: string | undefined) => {
      socket.removeAllListeners("message").removeAllListeners("close");
      resolve(id);
    };
    socket.on("message", (data: Buffer) => {
      const type = /^\{"type":"([^"]+)"/.exec(data.toString("latin1"))?.[1];
      if (type === "response.completed") end(/"id":"([^"]+)"/.exec(data.toString("latin1"))?.[1]);
      else if (type === "error" || type === "response.failed") end(undefined);
    });
    socket.once("close", () => end(undefined));
    socket.send(JSON.stringify(frame));
  });
}

/** Answers with 20 frames; of a hundred requests it cuts one before its answer, one in the middle, and refuses one. */
async function startProvider(t: Pick<TestContext, "after">): Promise<number> {
  const acceptor = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  const server = createServer();
  let answers = 0;
  server.on("upgrade", (request, connection, head) =>
    acceptor.handleUpgrade(request, connection, head, (socket) => {
      socket.on("error", () => {});
      socket.on("message", () => {
        const id = `resp_${answers++}`;
        const fate = Math.random();
        if (fate < 0.01) return socket.terminate();
        const response = { id, model: "gpt-5.6", store: false, output: [] };
        socket.send(JSON.stringify({ type: "response.created", response }));
        if (fate > 0.99) {
          const error = { type: "server_error", message: "oops" };
          return socket.send(JSON.stringify({ type: "error", status: 500, error }));
        }
        for (let index = 0; index < 20; index++) {
          const delta = `word ${index} ${Math.random()}`;
          socket.send(JSON.stringify({ type: "response.output_text.delta", delta, sequence_number: index }));
        }
        if (fate < 0.02) return socket.close(1011);
        const usage = { input_tokens: 100, output_tokens: 20, total_tokens: 120 };
        return socket.send(JSON.stringify({ type: "response.completed", response: { ...response, usage } }));
      });
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const client of acceptor.clients) client.terminate();
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function rssMiB(pid: number): number {
  return Math.round((Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096) / 1048576);
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
