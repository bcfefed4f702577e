// Whether the way to a provider should be HTTP/2: CPU time per event of 1, 16 and 100 streams at once over TLS, by undici's HTTP/1.1 and
// HTTP/2, in turn: `node test/bench/http2.ts`. Why the relay uses HTTP/1.1 is said in network/dispatchers.ts.

import { fork } from "node:child_process";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { Agent, type Dispatcher } from "undici";
import { makeCertificate } from "../support/certificate.ts";
import { median } from "./report.ts";

const eventsPerStream = 200;
const rounds = 9;

if (process.argv[2] === "provider") serve();
else await measure();

/** In a process of its own, so that its CPU time is not counted. */
function serve(): void {
  process.once("disconnect", () => process.exit());
  const event = `event: content_block_delta\ndata: ${JSON.stringify({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "twelve bytes" } })}\n\n`;
  const certificate = makeCertificate(["localhost"]);
  const server = createSecureServer({ ...certificate, allowHTTP1: true }, async (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let sent = 0; sent < eventsPerStream; sent++) {
      response.write(event);
      if (sent % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  server.listen(0, "localhost", () =>
    process.send?.({ port: (server.address() as AddressInfo).port, ca: certificate.cert }),
  );
}

async function measure(): Promise<void> {
  const provider = fork(import.meta.filename, ["provider"]);
  const { port, ca } = await new Promise<{ port: number; ca: string }>((resolve) =>
    provider.once("message", (value) => resolve(value as { port: number; ca: string })),
  );
  const ways = [false, true].map((allowH2) => ({
    name: allowH2 ? "HTTP/2" : "HTTP/1.1",
    agent: new Agent({ allowH2, headersTimeout: 0, bodyTimeout: 0, connect: { ca } }),
  }));
  process.stdout.write("streams at once  CPU per event, HTTP/1.1  HTTP/2  ratio, lowest to highest\n");
  for (const streams of [1, 16, 100]) {
    const costs = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
    const times = Math.ceil(200 / streams);
    // The first rounds are for the compiler.
    for (let round = -3; round < rounds; round++) {
      for (const { name, agent } of round % 2 === 0 ? ways : ways.toReversed()) {
        const before = process.cpuUsage();
        for (let time = 0; time < times; time++)
          await Promise.all(Array.from({ length: streams }, () => once(agent, port)));
        const { user, system } = process.cpuUsage(before);
        if (round >= 0) costs.get(name)!.push((user + system) / (times * streams * eventsPerStream));
      }
    }
    const [one, two] = [...costs.values()] as [number[], number[]];
    const ratios = two.map((cost, round) => cost / one[round]!);
    const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
    process.stdout.write(
      `${String(streams).padStart(15)}  ${median(one).toFixed(2).padStart(20)} µs  ${median(two).toFixed(2)} µs  ${median(ratios).toFixed(2)}, ${spread}\n`,
    );
  }
  await Promise.all(ways.map(({ agent }) => agent.destroy()));
  provider.kill();
}

function once(agent: Agent, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {},
      onResponseStart() {},
      onResponseData(_, chunk) {
        bytes += chunk.length;
      },
      onResponseEnd: () => (bytes > eventsPerStream * 100 ? resolve() : reject(new Error(`${bytes} bytes`))),
      onResponseError: (_, error) => reject(error),
    };
    agent.dispatch({ origin: `https://localhost:${port}`, path: "/", method: "GET" }, handler);
  });
}
