// A TCP server of a test that says what the test makes it say.

import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import type { TestContext } from "node:test";

export interface TcpServer {
  readonly port: number;
  /** Connections that are open now. */
  open(): number;
}

/** It goes, and its connections, when the test is over. */
export async function startTcpServer(
  t: Pick<TestContext, "after">,
  onConnection: (socket: Socket) => void,
): Promise<TcpServer> {
  const sockets = new Set<Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, open: () => sockets.size };
}
