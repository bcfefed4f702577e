// A plain wire between a client and a server that remembers the heads of the requests that pass: what a client tries and a server declines
// leaves no trace elsewhere.

import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Tap {
  readonly url: string;
  /** `GET /path` of every request, with the time at which it passed. */
  readonly requests: readonly TappedRequest[];
  close(): Promise<void>;
}

export interface TappedRequest {
  line: string;
  isUpgrade: boolean;
  at: number;
}

export async function startTap(target: string): Promise<Tap> {
  const { port, hostname } = new URL(target);
  const requests: TappedRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
    client.on("data", (chunk) => {
      for (const [, line, headers] of chunk.toString("latin1").matchAll(requestHead)) {
        requests.push({
          line: line ?? "",
          isUpgrade: /^upgrade: *websocket/im.test(headers ?? ""),
          at: Date.now(),
        });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const requestHead = /((?:GET|POST|HEAD) \/\S*) HTTP\/1\.1\r\n(.*?)\r\n\r\n/gs;
