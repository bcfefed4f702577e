// A relay with accounts whose provider speaks WebSocket, and clients that speak as Codex does.

import type { TestContext } from "node:test";
import { WebSocket } from "ws";
import type { AccountConfig, Config } from "../../src/config/config.ts";
import type { SocketLimits } from "../../src/sockets/sockets.ts";
import type { Timers } from "../../src/time/timers.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import { createSocketScript, type SocketScript } from "../support/socket-script.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

export interface SocketStage {
  relay: TestRelay;
  upstream: ScriptedUpstream;
  script: SocketScript;
  connect(options?: ConnectOptions): Promise<Client>;
  /** The status and the body of a refused upgrade. */
  refused(options?: ConnectOptions): Promise<{ status: number; body: string; ms: number }>;
}

export interface ConnectOptions {
  /** The session; each client has its own unless another is given. */
  session?: string;
  headers?: Record<string, string>;
  path?: string;
}

export interface StageOptions {
  ids?: readonly string[];
  account?: (id: string, upstream: ScriptedUpstream) => Partial<AccountConfig>;
  configure?: (config: Config, upstream: ScriptedUpstream) => Config;
  limits?: Partial<SocketLimits>;
  now?: () => number;
  holdBackMs?: number;
  /** See TestRelayOptions. */
  isFast?: boolean;
  timers?: Timers;
}

export async function startSocketStage(
  t: Pick<TestContext, "after">,
  options: StageOptions = {},
): Promise<SocketStage> {
  const { ids = ["a", "b"], account, configure, limits, now, holdBackMs, isFast, timers } = options;
  const script = createSocketScript();
  const upstream = await startUpstream({ family: "openai", sockets: script });
  const accounts = ids.map((id, index) =>
    testAccount(id, "openai-responses", upstream.url, { priority: 200 - index, ...account?.(id, upstream) }),
  );
  const relay = await startRelay({
    ...{ accounts, now, holdBackMs, isFast, timers, socketLimits: { sweepMs: 20, ...limits } },
    configure: configure && ((config) => configure(config, upstream)),
  });
  const clients: Client[] = [];
  t.after(async () => {
    for (const client of clients) client.socket.terminate();
    await relay.close();
    await upstream.close();
  });
  const urlOf = ({ path = "/openai/v1/responses" }: ConnectOptions) =>
    `${relay.url.replace("http", "ws")}${path}`;
  const headersOf = ({ session = `session-${clients.length}`, headers }: ConnectOptions) => ({
    "user-agent": "codex_exec/0.169.0",
    "openai-beta": "responses_websockets=2026-02-06",
    "session-id": session,
    ...headers,
  });
  return {
    relay,
    upstream,
    script,
    async connect(asked = {}) {
      const client = new Client(new WebSocket(urlOf(asked), { headers: headersOf(asked) }));
      clients.push(client);
      await client.opened;
      return client;
    },
    refused(asked = {}) {
      const startedAt = Date.now();
      return new Promise((resolve, reject) => {
        const socket = new WebSocket(urlOf(asked), { headers: headersOf(asked) });
        socket.on("error", reject);
        socket.on("open", () => reject(new Error("it was accepted")));
        socket.on("unexpected-response", (_, response) => {
          let body = "";
          response.on("data", (chunk) => (body += chunk));
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, body, ms: Date.now() - startedAt }),
          );
        });
      });
    },
  };
}

/** Oldest first. */
export async function rowsOf({ relay }: Pick<SocketStage, "relay">) {
  return (await relay.store.requests.last({ limit: 50 })).toReversed();
}

export interface Frame {
  type: string;
  status?: number;
  error?: { code?: string; message?: string };
  headers?: Record<string, string>;
  response?: { id: string; usage?: unknown };
  delta?: string;
}

export class Client {
  readonly socket: WebSocket;
  readonly frames: string[] = [];
  readonly headers: Promise<Record<string, string | string[] | undefined>>;
  readonly opened: Promise<void>;
  /** Resolves with the code. */
  readonly closed: Promise<number>;
  #changed = () => {};

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.headers = new Promise((resolve) => socket.once("upgrade", ({ headers }) => resolve(headers)));
    this.opened = new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    this.closed = new Promise((resolve) =>
      socket.once("close", (code) => {
        resolve(code);
        this.#changed();
      }),
    );
    socket.on("message", (data: Buffer) => {
      this.frames.push(data.toString());
      this.#changed();
    });
  }

  get isClosed(): boolean {
    return this.socket.readyState === WebSocket.CLOSED;
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** Sends it and collects the frames up to the last one of its answer, or to the close. */
  async ask(frame: object = create()): Promise<Frame[]> {
    const from = this.frames.length;
    this.send(frame);
    return await this.answer(from);
  }

  async answer(from: number): Promise<Frame[]> {
    for (;;) {
      const frames = this.frames.slice(from).map((text) => JSON.parse(text) as Frame);
      if (this.isClosed || frames.some(({ type }) => isLast(type))) return frames;
      await new Promise<void>((resolve) => (this.#changed = resolve));
    }
  }
}

function isLast(type: string): boolean {
  return /^(?:error|response\.(?:completed|incomplete|failed))$/.test(type);
}

/** As Codex sends it: `stream` and `store` are there. */
export function create(more: object = {}): object {
  return {
    type: "response.create",
    model: "gpt-5.6",
    stream: true,
    store: false,
    input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] }],
    ...more,
  };
}

export function continuing(frames: readonly Frame[], more: object = {}): object {
  return create({ previous_response_id: responseId(frames), ...more });
}

export function responseId(frames: readonly Frame[]): string {
  const id = frames.findLast(({ response }) => response)?.response?.id;
  if (id === undefined) throw new Error(`no response in ${JSON.stringify(frames)}`);
  return id;
}

export function typesOf(frames: readonly Frame[]): string[] {
  return frames.map(({ type }) => type);
}

export const usageLimit = (resetsInSeconds = 7200) => ({
  kind: "error" as const,
  status: 429,
  error: {
    type: "usage_limit_reached",
    message: "The usage limit has been reached",
    resets_in_seconds: resetsInSeconds,
  },
});
