// The demo's own clients: they send a request every few seconds, so that there is something to look at without any work.

import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { http } from "../network/http.ts";
import { type DemoTurn, writeTurn } from "./conversations.ts";

export interface Traffic {
  /** Breaks off what is under way. */
  close(): Promise<void>;
}

export interface TrafficOptions {
  /** Between the beginnings of two requests, for the first ones and for all that follow: a demo may run for days. */
  firstPauseMs?: number;
  pauseMs?: number;
}

const firstRequests = 40;
const maxRunning = 6;
const bytesUntilLeft = 1500;

/** @param origin of the relay. */
export function startTraffic(origin: string, options: TrafficOptions = {}): Traffic {
  const { firstPauseMs = 1200, pauseMs = 5000 } = options;
  const ending = new AbortController();
  const { signal } = ending;
  const agent = new http.Agent({ keepAlive: true, maxSockets: maxRunning });
  const running = new Set<Promise<void>>();

  async function run(): Promise<void> {
    for (let number = 0; !signal.aborted; number++) {
      if (running.size < maxRunning) {
        const request: Promise<void> = sendTurn(origin, writeTurn(number), { agent, signal })
          // What the relay answers is in its log; that it is gone ends the traffic soon enough.
          .catch(() => {})
          .finally(() => running.delete(request));
        running.add(request);
      }
      await sleep(number < firstRequests ? firstPauseMs : pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  const ended = run();
  return {
    async close() {
      ending.abort();
      await Promise.all([ended, ...running]);
      agent.destroy();
    },
  };
}

interface Sending {
  agent: InstanceType<typeof http.Agent>;
  signal: AbortSignal;
}

/** Resolves when the answer has been read, or the client has left. */
async function sendTurn(origin: string, turn: DemoTurn, { agent, signal }: Sending): Promise<void> {
  const body = JSON.stringify(turn.body);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "user-agent": "cc-relay-demo",
      "anthropic-version": "2023-06-01",
      "x-session-id": turn.session,
      "x-cc-relay-key": turn.client,
    };
    http
      .request(origin + turn.path, { method: "POST", agent, signal, headers }, resolve)
      .on("error", reject)
      .end(body);
  });
  let bytes = 0;
  for await (const chunk of answer) {
    bytes += (chunk as Buffer).length;
    if (turn.leavesEarly && bytes > bytesUntilLeft) break;
  }
}
