// A receiver of notifications on loopback, and the settings that lead to it.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { type NotifyConfig, notifyEvents } from "../../src/config/config.ts";

export interface Received {
  url: string;
  headers: IncomingMessage["headers"];
  text: string;
}

export interface Receiver {
  url: string;
  received: Received[];
  /** `EVENT account-or-family` of each message of a webhook, in order. */
  events(): string[];
}

export async function startReceiver(t: TestContext, { status = 200, hangs = false } = {}): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      received.push({ url: request.url ?? "", headers: request.headers, text });
      if (!hangs) response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    events: () =>
      received.map(({ text }) => {
        const { event, account, family, state } = JSON.parse(text);
        return `${event} ${account ?? family ?? state}`;
      }),
  };
}

export function notifyConfig(
  receiver: NotifyConfig["receiver"],
  some: Partial<NotifyConfig> = {},
): NotifyConfig {
  return {
    receiver,
    events: notifyEvents,
    ...{ afterMs: 0, quietMs: 0, windowThreshold: 0.9, proxy: undefined },
    ...some,
  };
}
